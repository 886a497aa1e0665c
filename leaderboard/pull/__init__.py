"""A pull request as data: fetched at a commit, checked, commented on; never checked out."""
