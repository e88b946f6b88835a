"""Shipping: files that are checked against the live model, engines that are chosen by measuring, a server."""
