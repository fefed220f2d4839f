package kernels_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/fakegpu/emulator"
	"github.com/flowrun/flowrun/kernels"
)

// Without any one of its barriers a Metal kernel has a race, which ThreadSanitizer
// finds: so none is there for nothing, and none could be forgotten. Those of what teams
// do together are tried in softmax, which folds twice in a row, and in cumsum, which scans.
func TestEveryBarrierInMetalIsMissedUnderSanitizers(t *testing.T) {
	if os.Getenv(sanitizerVariable) == "" {
		t.Skipf("takes a quarter of a minute: set %s=1 to run it", sanitizerVariable)
	}
	tried := map[string][]*kernels.Kernel{
		"work.h":        {load(t).Kernel("softmax"), load(t).Kernel("cumsum")},
		"argsort.metal": {load(t).Kernel("argsort")},
		"matmul.metal":  {matmulInSquares(t, "metal", 32)},
	}
	files, err := filepath.Glob("metal/*")
	require.NoError(t, err)
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		file, tries := filepath.Base(path), tried[filepath.Base(path)]
		barriers := strings.Count(string(text), barrier)
		require.Equal(t, barriers > 0, tries != nil, "%s has %d barriers; a kernel that tries them was expected here if there are any", file, barriers)
		for which := range barriers {
			t.Run(fmt.Sprintf("%s/%d", file, which), func(t *testing.T) {
				racy := slices.ContainsFunc(tries, func(k *kernels.Kernel) bool {
					err := runCases(t, racing(t, file, without(string(text), which), k), k)
					return err != nil && strings.Contains(err.Error(), "data race") && strings.Contains(err.Error(), "kernel "+k.Name)
				})
				require.True(t, racy, "nothing is missed without this barrier")
			})
		}
		for _, k := range tries {
			t.Run(file+"/"+k.Name, func(t *testing.T) { require.NoError(t, runCases(t, racing(t, file, string(text), k), k)) })
		}
	}
}

const barrier = "group_barrier(mem_flags::mem_threadgroup);" // of a threadgroup or a simdgroup

// without gives a text without its which-th barrier.
func without(text string, which int) string {
	parts := strings.Split(text, barrier)
	parts[which] = strings.TrimSuffix(strings.TrimSuffix(parts[which], "thread"), "simd") + parts[which+1]
	return strings.Join(append(parts[:which+1:which+1], parts[which+2:]...), barrier)
}

// racing is an emulator under ThreadSanitizer in which a file has another text.
// Threadgroups are small, or it forgets accesses before it can compare them; matmul's
// are as large as they must be.
func racing(t *testing.T, file, text string, k *kernels.Kernel) *emulated {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "metal"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "metal", file), []byte(text), 0o644))
	sources, err := kernels.Overlay(dir)
	require.NoError(t, err)
	limits := kernels.Limits{Group: 64}
	if k.Name == "matmul" {
		limits.Group = 128
	}
	return openEmulated(t, inMetal, sources, emulator.Thread, limits)
}

// runCases runs a kernel's cases in f32 until one fails.
func runCases(t *testing.T, d *emulated, k *kernels.Kernel) error {
	t.Helper()
	for _, c := range casesOf(k.Name) {
		n, arrays := nodeOf(t, k, k.Name, map[string]string{"T": "f32"}, c)
		call, free := callAs(t, d, k, n, arrays)
		run, err := d.Bind(call)
		if err == nil {
			err = run.Run()
		}
		free()
		if err != nil {
			return err
		}
	}
	return nil
}
