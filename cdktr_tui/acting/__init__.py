"""Doing what keys, commands and boxes say."""
