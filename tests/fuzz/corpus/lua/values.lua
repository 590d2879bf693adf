local w = require "weir"
local r = w.table "a.b" { columns = { "a int32" } }
return w.pipeline "x" { w.map.c "m" { t = r, e = w.env "E", l = { {"a", 'b'}, { "c", [[d]] } }, from = "x.late", --[[ c ]]
  w.last("s", { by = "t" }), w.stats { "a", compute = { "min" }, as = "{fn}{column}" } } }
