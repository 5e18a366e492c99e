"""What views are painted with: colours, fonts, strips, meters, buffers."""
