"""Tables and time series: text, Pizza Box, times of frames."""
