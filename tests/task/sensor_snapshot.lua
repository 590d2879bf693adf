-- The sensor job without a table: what tests/task/sensor_snapshot.c takes snapshots of.
local w = require "weir"

return w.pipeline "sensor-aggregation" {
  w.source "devices"  { use = "generator.sensors", devices = 100000, rate = 2000000, changelog = true,
                        event_time = "timestamp" },
  w.changelog_filter "fresh" { keep = { "+I", "+U" } },
  w.map    "readings" { gauges = { event_time_lag_ms = "now_ms() - timestamp" } },
  w.window "per_minute" { by = "sensor_id", tumbling = "1m", time = "processing",
    w.stats { "temperature", "humidity", "pressure", "battery_level",
              compute = { "sum", "min", "max", "avg" }, as = "{fn}_{column}" },
    set = { count = w.count(), first = w.min "timestamp", last = w.max "timestamp",
            sensor_type = w.first "sensor_type", status = w.last("status", { by = "timestamp" }) } },

  -- Text is made here, for one row a device and minute, not for every reading.
  w.map    "enriched" { set = {
    span_ms     = "last - first",
    device_id   = "concat('sensor_', sensor_id)",
    device_type = "case sensor_type when 1 then 'temperature_sensor' when 2 then 'humidity_sensor' "
               .. "when 3 then 'pressure_sensor' when 4 then 'motion_sensor' when 5 then 'light_sensor' "
               .. "when 6 then 'co2_sensor' when 7 then 'noise_sensor' when 8 then 'multisensor' end",
    site_id     = "concat('site_', lpad(cast(sensor_id % 100 + 1 as string), 3, '0'))",
    status_name = "case status when 1 then 'ONLINE' when 2 then 'OFFLINE' when 3 then 'MAINTENANCE' "
               .. "when 4 then 'ERROR' end" } },
  w.sink   "log"      { use = "log", every = 20000 },
}
