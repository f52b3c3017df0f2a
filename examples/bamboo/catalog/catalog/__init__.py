"""Catalog: what there is to buy, at which price, and how many of it are left."""
