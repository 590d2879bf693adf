local w = require "weir"
return w.pipeline "bad" {
  w.filter "a" { where = "sensor_id = 1" },
  w.sink "out" { use = "null" },
}
