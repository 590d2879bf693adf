-- The C library's mathematics, straight from a pipeline: the dew point of 1,000 readings by Magnus's formula, with the
-- logarithm that libm has. Calling C is off unless the node allows the library:
--   weir run --ffi-allow libm.so.6 pipelines/c_function.lua
local w = require "weir"

return w.pipeline "c-function" {
  w.source "readings"  { use = "generator.sensors", devices = 100, max_rows = 1000, seed = 5,
                         rate = 1000, paced = false, start = 1767225600000 }, -- 2026-01-01T00:00:00Z
  w.map.c  "logarithm" { lib = "libm.so.6", decl = "double log(double x)", args = { "humidity / 100" },
                         into = "log_humidity" },
  w.map    "magnus"    { set = { gamma = "log_humidity + 17.62 * temperature / (243.12 + temperature)" } },
  w.map    "dew_point" { keep = { "sensor_id", "temperature", "humidity" },
                         set = { dew_point = "243.12 * gamma / (17.62 - gamma)" } },
  w.map.c  "spread"    { lib = "libm.so.6", decl = "double fdim(double x, double y)",
                         args = { "temperature", "dew_point" }, into = "spread" },
  w.sink   "table"     { use = "print", rows = 20 },
}
