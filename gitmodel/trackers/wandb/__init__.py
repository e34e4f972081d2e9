"""Runs of Weights & Biases: the file of an offline run, and the link of an online one."""
