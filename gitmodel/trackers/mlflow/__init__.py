"""Reads runs of MLflow from its three stores, a SQLite database, a folder of files and a server, without MLflow."""
