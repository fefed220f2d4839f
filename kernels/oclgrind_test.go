package kernels_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/kernels"
)

// oclgrind is an OpenCL device that interprets kernels and watches them: for two
// work-items that touch one place without a barrier between, for accesses beyond
// buffers, for barriers that some items don't reach. This is where Debian has it
// as a driver.
const oclgrind = "/usr/lib/oclgrind/liboclgrind-rt-icd.so"

// needsOclgrind skips a test where it can't be run.
func needsOclgrind(t *testing.T) {
	t.Helper()
	if os.Getenv("FLOWRUN_OCLGRIND") == "" {
		t.Skip("takes a minute, and has a stage of its own in scripts/test: set FLOWRUN_OCLGRIND=1 to run it")
	}
	if _, err := os.Stat(oclgrind); err != nil {
		t.Skip("needs oclgrind: ", err)
	}
}

// isInterpreted tells oclgrind's device, on which a kernel takes some thousand times
// as long as on others.
func isInterpreted(d device.Device) bool {
	return strings.Contains(d.Info().Description, "Oclgrind")
}

// shortCases are the cases that are run on oclgrind. Long sorted rows are left out but for
// one that takes several launches, and so are the largest products, which would take most
// of the time: of those that remain, some have several tiles in each direction, with
// ragged ends, and so go the same ways through the source.
func shortCases(op string, cases []opCase) []opCase {
	return slices.DeleteFunc(cases, func(c opCase) bool {
		switch op {
		case "argsort":
			n := c.inputs[0].shape.Numel()
			return n >= 4000 && n != 2049*2
		case "matmul":
			return isLargeProduct(c)
		}
		return false
	})
}

// shareOf shares cases out among choices of dtypes, where a kernel is watched rather than
// compared: what lies where, and who waits for whom, is the same in each, but for the size
// of elements. Where there are fewer cases than choices, each has all of them.
func shareOf(cases []opCase, choice, choices int) []opCase {
	if len(cases) < choices {
		return cases
	}
	var share []opCase
	for i := choice; i < len(cases); i += choices {
		share = append(share, cases[i])
	}
	return share
}

// underOclgrind runs tests of this package on oclgrind's device, and gives what it
// wrote to its log, and what the tests wrote. Its exit code says nothing.
func underOclgrind(t *testing.T, tests, overlay string) (log, output string, err error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "oclgrind.icd"), []byte(oclgrind), 0o644))
	file := filepath.Join(dir, "log")
	command := exec.Command(self, "-test.v", "-test.short", "-test.run", tests)
	command.Env = append(os.Environ(), "OCL_ICD_VENDORS="+dir, "FLOWRUN_CACHE="+dir, "FLOWRUN_OCLGRIND=", overlayVariable+"="+overlay,
		"OCLGRIND_DATA_RACES=1", "OCLGRIND_MAX_ERRORS=10", "OCLGRIND_LOG="+file)
	text, err := command.CombinedOutput()
	found, _ := os.ReadFile(file) // there is none if there is nothing to say
	return string(found), string(text), err
}

// The kernels are shared out among as many processes as the machine has processors. Like
// under the sanitizers they run in the most common dtypes.
func TestSourcesRunCleanUnderOclgrind(t *testing.T) {
	needsOclgrind(t)
	shares := make([][]string, min(runtime.GOMAXPROCS(0), 8))
	for i, k := range load(t).Kernels() {
		if !k.In("opencl") {
			continue
		}
		at := i % len(shares)
		shares[at] = append(shares[at], k.Name)
	}
	for i, names := range shares {
		t.Run(fmt.Sprintf("share %d of %d", i+1, len(shares)), func(t *testing.T) {
			t.Parallel()
			log, output, err := underOclgrind(t, "^TestKernelsAgreeWithTheReference$/^opencl:0$/^("+strings.Join(names, "|")+")$", "")
			require.NoError(t, err, output)
			require.Empty(t, log)
			for _, name := range names {
				require.Contains(t, output, "--- PASS: TestKernelsAgreeWithTheReference/opencl:0/"+name+"/", "it ran")
			}
		})
	}
}

func TestFusedSourcesRunCleanUnderOclgrind(t *testing.T) {
	needsOclgrind(t)
	log, output, err := underOclgrind(t, "^(TestFusedKernelsAgreeWithTheReference|TestAFusedGraphGivesTheBitsOfItsKernelsOneByOne)$/^opencl:0$", "")
	require.NoError(t, err, output)
	require.Empty(t, log)
	for _, name := range []string{"TestFusedKernelsAgreeWithTheReference", "TestAFusedGraphGivesTheBitsOfItsKernelsOneByOne"} {
		require.Contains(t, output, "--- PASS: "+name+"/opencl:0", "it ran")
	}
}

// The watcher is watched: with a barrier missing, with an element beyond the output
// written, it says so.
func TestOclgrindSeesPlantedFaults(t *testing.T) {
	needsOclgrind(t)
	for name, fault := range map[string]struct{ file, kernel, from, to, want string }{
		"a missing barrier":         {"argsort", "argsort", "l - 1);\n            barrier(CLK_LOCAL_MEM_FENCE);\n", "l - 1);\n", "data race"},
		"an element beyond the end": {"map", "neg", "i < n", "i <= n", "Invalid write"},
	} {
		t.Run(name, func(t *testing.T) {
			source, err := kernels.Embedded().Source("opencl", &kernels.Kernel{Name: fault.file})
			require.NoError(t, err)
			text := source.Files[len(source.Files)-1].Text
			require.Contains(t, text, fault.from)
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, "opencl"), 0o755))
			planted := strings.Replace(text, fault.from, fault.to, 1)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "opencl", fault.file+".cl"), []byte(planted), 0o644))
			log, _, _ := underOclgrind(t, "^TestKernelsAgreeWithTheReference$/^opencl:0$/^"+fault.kernel+"$/^T=f32$", dir)
			require.Contains(t, log, fault.want)
		})
	}
}
