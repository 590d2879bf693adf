-- The table of the sensor job, with the properties that a benchmark varies.
local w = require "weir"

return w.table "iot.sensor_readings" {
  columns = {
    "sensor_id int32 not null", "sensor_type int32 not null", "temperature float64 not null",
    "humidity float64 not null", "pressure float64 not null", "battery_level float64 not null",
    "status int32 not null", "timestamp int64 not null",
  },
  primary_key = "sensor_id", buckets = 128,
  changelog = w.env "BENCH_CHANGELOG", durability = w.env "BENCH_DURABILITY",
  compression = w.env "BENCH_COMPRESSION", retention = { size = "3GB" },
}
