package build

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/spec/syntax"
)

// parameterPath is the path of a parameter of a frame.
func (ex *expander) parameterPath(f *frame, p *syntax.Parameter) string {
	at := f.at(f.path)
	if p.Path == nil {
		return ex.join(at, p.Name)
	}
	name := p.Path.Parts[0]
	for i, arg := range p.Path.Args {
		name += fmt.Sprint(f.consts[arg]) + p.Path.Parts[i+1]
	}
	if p.Path.Outer {
		at = at[:max(strings.LastIndexByte(at, '.'), 0)]
	}
	return ex.join(at, name)
}
