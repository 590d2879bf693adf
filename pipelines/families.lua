-- Ten stages from a loop, a function and a required file: three families of sensors are picked out of one stream of
-- 200,000 readings, brought to one form and counted by the minute. The readings are the same each time.
local w = require "weir"
local sensors = require "families.sensors"

local readings = w.source "readings" {
  use = "generator.sensors", devices = 1000, max_rows = 200000, seed = 7,
  rate = 1000, paced = false, start = 1767225600000, -- 2026-01-01T00:00:00Z
  event_time = "timestamp", watermark = { lag = "0s" },
}

local families, measures = {}, {}
for i, family in ipairs(sensors.families) do
  families[i] = sensors.stages(family, readings)
  measures[i] = family.name .. "_measure"
end

return w.pipeline "families" {
  readings,
  families,
  w.union "all" { inputs = measures },
  w.window "per_minute" {
    by = "family", tumbling = "1m", time = "event",
    set = { readings = w.count(), lowest = w.min "measure", highest = w.max "measure" },
  },
  w.sink "table" { use = "print", rows = 100 },
}
