local w = require "weir"
return w.pipeline "bad" {

}
