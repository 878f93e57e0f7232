"""Audits: the rows of evidence tables; a classifier and a data set travel through the rooms below."""

from __future__ import annotations
