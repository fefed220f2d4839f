// Package version knows which version of flowrun this is.
package version

import (
	"runtime/debug"
	"sync"
)

// module is what flowrun is called in what the Go tool records.
const module = "github.com/flowrun/flowrun"

// String is the version of the flowrun in this program, whether that is flowrun itself or
// another one that uses it; "(devel)" if the Go tool has recorded none.
var String = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return devel
	}
	return of(info)
})

const devel = "(devel)"

func of(info *debug.BuildInfo) string {
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != module {
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		if m.Version != "" {
			return m.Version
		}
	}
	return devel
}
