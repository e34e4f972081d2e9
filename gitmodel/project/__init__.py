"""Domain objects of a repository that combine Git and the store; workflows are built on them."""
