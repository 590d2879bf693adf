local w = require "weir"
local name = ("x"):rep(10 * 1024 * 1024 * 1024)
return w.pipeline "p" {
  w.source "in" { use = "generator.sensors", devices = 10 },
  w.sink (name) { use = "null" },
}
