-- Reading a file as fast as it goes; `path` and `format` are set.
local w = require "weir"

return w.pipeline "bench-read" {
  w.source "rows"    { use = "file", path = "rows.csv", format = "csv", columns = {
    "sensor_id int32", "sensor_type int32", "temperature float64", "humidity float64", "pressure float64",
    "battery_level float64", "status int32", "timestamp int64" } },
  w.sink   "nothing" { use = "null" },
}
