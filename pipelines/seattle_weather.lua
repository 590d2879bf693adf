-- The weather of Seattle and New York by day and by month, in the time of the readings themselves.
-- Run it in the folder of the project: weir run pipelines/seattle_weather.lua
local w = require "weir"

local pipeline = {}
local function add(...)
  for _, stage in ipairs { ... } do
    pipeline[#pipeline + 1] = stage
  end
end

-- weather.csv holds one location after the other. Read as one line, New York's 2012 would come after Seattle's 2015,
-- and be late; so each location is a line of its own, with its own clock, and the two are united.
local function location(line, name)
  add(
    w.source(line) { use = "file", path = "pipelines/data/weather.csv", columns = {
      "location string not null", "date string not null", "precipitation float64", "temp_max float64",
      "temp_min float64", "wind float64", "weather string" } },
    w.filter(line .. "_only") { where = "location = '" .. name .. "'" },
    w.map(line .. "_days") { set = { day = "to_timestamp(date)" }, drop = { "date" },
                             event_time = "day", watermark = { lag = "0s" } })
end

location("seattle", "Seattle")
location("new_york", "New York")

add(
  w.union "readings" { inputs = { "seattle_days", "new_york_days" } },
  w.window "by_day" { by = "location", tumbling = "1d",
    set = { readings = w.count(), precipitation = w.sum "precipitation", temp_max = w.max "temp_max",
            temp_min = w.min "temp_min", weather = w.first "weather" } },
  w.sink "days" { use = "file", path = "seattle_weather_days.csv" },

  w.window "by_month" { from = "readings", by = "location", tumbling = "month",
    w.stats { "temp_max", "temp_min", "wind", compute = { "min", "max", "avg" }, as = "{column}_{fn}" },
    set = { readings = w.count(), precipitation = w.sum "precipitation",
            rainy_days = w.sum "case when weather = 'rain' then 1 else 0 end",
            first_weather = w.first("weather", { by = "day" }), last_weather = w.last("weather", { by = "day" }) } },
  w.sink "months" { use = "file", path = "seattle_weather_months.csv" },

  w.source "hourly" { use = "file", path = "pipelines/data/seattle-weather-hourly-normals.csv", columns = {
    "date string not null", "pressure float64", "temperature float64", "wind float64" } },
  w.map "normals" { set = { hour = "to_timestamp(date)", location = "'Seattle'" }, drop = { "date" },
                    event_time = "hour", watermark = { lag = "0s" } },
  w.window "normals_by_day" { by = "location", tumbling = "1d",
    w.stats { "pressure", "temperature", "wind", compute = { "min", "max", "avg" }, as = "{column}_{fn}" },
    set = { readings = w.count() } },
  w.sink "normals_days" { use = "file", path = "seattle_weather_normals.csv" },

  -- Nothing may be late; what is comes to light here.
  w.union "late_readings" { inputs = { "by_day.late", "by_month.late" } },
  w.sink "late" { use = "print" },
  w.sink "late_normals" { from = "normals_by_day.late", use = "print" })

return w.pipeline "seattle-weather" (pipeline)
