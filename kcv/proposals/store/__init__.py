"""Proposals of whole data sets: the cache, its files, Apache Beam."""
