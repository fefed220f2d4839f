package version

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheVersionIsFlowrunsAlsoInsideOfAnotherProgram(t *testing.T) {
	ours := debug.Module{Path: module, Version: "v1.2.3"}
	other := debug.Module{Path: "example.org/trainer", Version: "v9.9.9"}
	for want, info := range map[string]debug.BuildInfo{
		"v1.2.3":  {Main: ours},
		"v1.2.4":  {Main: other, Deps: []*debug.Module{{Path: "example.org/x", Version: "v0.1.0"}, {Path: module, Version: "v1.2.4"}}},
		"v2.0.0":  {Main: other, Deps: []*debug.Module{{Path: module, Version: "v1.2.3", Replace: &debug.Module{Path: "example.org/fork", Version: "v2.0.0"}}}},
		"(devel)": {Main: debug.Module{Path: module}},
	} {
		require.Equal(t, want, of(&info))
	}
	require.Equal(t, "(devel)", of(&debug.BuildInfo{Main: other, Deps: []*debug.Module{{Path: module, Version: "v1.2.3", Replace: &debug.Module{Path: "../flowrun"}}}}))
}
