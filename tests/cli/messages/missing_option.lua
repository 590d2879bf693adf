local w = require "weir"
return w.pipeline "bad" {
  w.source "in" { devices = 1 },
  w.filter "odd" { },
  w.sink "out" { use = "null" },
}
