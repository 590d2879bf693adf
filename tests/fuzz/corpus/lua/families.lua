-- The families of sensors: which readings belong to one, and what is measured. A required file returns what it likes;
-- here a list, and a function that makes the stages of a family.
local w = require "weir"

local families = {
  { name = "climate",  types = "1, 2", measure = "temperature" },
  { name = "air",      types = "3, 6", measure = "pressure" },
  { name = "presence", types = "4, 5", measure = "battery_level" },
}

local function stages(family, readings)
  return {
    w.filter(family.name) { from = readings, where = "sensor_type in (" .. family.types .. ")" },
    w.map(family.name .. "_measure") {
      keep = { "sensor_id", "timestamp" },
      set = { { "family", "'" .. family.name .. "'" }, { "measure", family.measure } },
    },
  }
end

return { families = families, stages = stages }
