"""Metrics of a classifier's predictions: plain functions, with intervals from one bootstrap over lesions."""
