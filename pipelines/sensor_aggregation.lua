-- The sensor job: eight producers send the readings of 100,000 devices, 2 million a second, into a table. The job
-- reads what changes the table, drops the old rows, and adds up the measures of every device and minute, which are
-- named and logged. Run it with ./dev demo.
local w = require "weir"

local readings = w.table "iot.sensor_readings" {
  columns = {
    "sensor_id int32 not null", "sensor_type int32 not null", "temperature float64 not null",
    "humidity float64 not null", "pressure float64 not null", "battery_level float64 not null",
    "status int32 not null", "timestamp int64 not null",
  },
  primary_key = "sensor_id", buckets = 128, changelog = "full",
  retention = { time = "1h", size = "2GB" },
}

local names, producers = {}, {}
for i = 1, 8 do
  names[i] = "producer_" .. i
  producers[i] = w.source(names[i]) { use = "generator.sensors", devices = 100000, instance = i - 1, of = 8,
                                      rate = 250000, parallelism = 1 }
end

return w.pipeline "sensor-aggregation" {
  producers,
  w.sink   "upserts"  { use = "fluss", table = readings, inputs = names },

  w.source "changes"  { use = "fluss", table = readings, start = "latest", event_time = "timestamp" },
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

  -- How many devices and readings each minute had: a line a minute, on stdout.
  w.map    "counted"  { from = "per_minute", keep = { "count" }, set = { minute = "window_start" } },
  w.window "minutes"  { by = "minute", tumbling = "1m", time = "processing",
                        set = { devices = w.count(), readings = w.sum "count" } },
  w.sink   "summary"  { use = "file", format = "ndjson", path = "-" },
}
