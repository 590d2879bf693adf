local w = require "weir"
local t = w.tabel "iot.readings" { buckets = 3 }
return w.pipeline "bad" {
  w.source "in" { use = "generator.sensors", devices = 10, max_rows = 10 },
  w.sink "out" { use = "null", table = t },
}
