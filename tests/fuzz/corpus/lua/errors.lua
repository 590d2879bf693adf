local w = require "weir"
local loop = {}
loop.self = loop
local function f(i) return w.map("m" .. i) { set = loop, v = 0/0, f = f } end
local ok = pcall(function() return w.col.x > 3 end)
return w.pipeline "x" { f(1), { f(2), f(2) }, nil, w.sum "x", [3.5] = w, from = f(3), load("return 1")() }
