package engine_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPlantedFaultsAreCaught tests the tests: every file of testdata/faults
// plants a fault in the engine or in lowering, one that has been made before or
// that is easily made, and names tests that must fail with it.
//
// A fault is a text: what it does, a line "file: engine/values.go", a line
// "caught by: engine TestA TestB" with a package and its tests, then "replace:"
// with lines that occur exactly once in that file, and "by:" with others. The patched source is put in by
// go test -overlay; no file of the project changes.
func TestPlantedFaultsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("building the package once for every planted fault takes a minute; -short leaves it out")
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	files, err := filepath.Glob("testdata/faults/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			f := readFault(t, file)
			source := filepath.Join(root, f.file)
			text, err := os.ReadFile(source)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(text), f.old),
				"%s has the place that the fault replaces so often; bring the fault up to date", f.file)
			patched := filepath.Join(t.TempDir(), filepath.Base(source))
			require.NoError(t, os.WriteFile(patched, []byte(strings.Replace(string(text), f.old, f.new, 1)), 0o600))
			overlay := filepath.Join(t.TempDir(), "overlay.json")
			description, err := json.Marshal(map[string]map[string]string{"Replace": {source: patched}})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(overlay, description, 0o600))

			pattern := "^(" + strings.Join(f.tests[1:], "|") + ")$"
			command := exec.Command("go", "test", "-overlay", overlay, "-vet", "off", "-short", "-run", pattern, "-v", "./"+f.tests[0])
			if usesRapid(t, filepath.Join(root, f.tests[0])) {
				command.Args = append(command.Args, "-rapid.nofailfile", "-rapid.checks", "3000", "-rapid.shrinktime", "0s")
			}
			command.Dir = root
			command.Env = append(os.Environ(), "GOFLAGS=")
			output, err := command.CombinedOutput()
			for _, name := range f.tests[1:] {
				require.Regexp(t, regexp.MustCompile("(?m)^--- FAIL: "+name+" "), string(output), "%s must fail with this fault", name)
			}
			require.Error(t, err)
		})
	}
}

// usesRapid reports whether tests of a package take rapid's flags.
func usesRapid(t *testing.T, folder string) bool {
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(text), `"pgregory.net/rapid"`) {
			return true
		}
	}
	return false
}

// fault is a planted fault.
type fault struct {
	file     string   // the source, from the project's root
	tests    []string // a package, and its tests that must fail
	old, new string
}

var faultFormat = regexp.MustCompile(`(?s)^.+?\nfile: (\S+)\ncaught by: ([^\n]+)\nreplace:\n(.+)\nby:\n(.*)$`)

func readFault(t *testing.T, file string) fault {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	m := faultFormat.FindStringSubmatch(string(text))
	require.NotNil(t, m, "%s is no fault", file)
	return fault{file: m[1], tests: strings.Fields(m[2]), old: m[3] + "\n", new: m[4]}
}
