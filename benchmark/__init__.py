"""The science of squeezebench: protocols, attacks, defenses and scores."""
