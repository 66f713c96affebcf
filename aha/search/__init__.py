"""Spend more at inference: strategies over any Engine, each answer with its bill."""
