"""Painting: themes, fonts, lines, scrolling traces, meters, and the buffers behind them."""
