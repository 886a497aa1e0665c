"""The whole way of a pull request on this machine, with a bare repository for GitHub."""
