"""The optional hook that Git calls before a commit (`gitmodel install --fsmonitor`)."""
