package checkpoint

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

func TestALineageIncludesARunsAncestors(t *testing.T) {
	first, err := NewRun("facts", bytes.NewBufferString("values"))
	require.NoError(t, err)
	second := first.child(50, 1)
	third := second.child(70, 2)
	other := first.child(40, 3)
	for _, c := range []struct {
		of   Run
		step int64
		held bool
	}{
		{third, 1000, true}, {second, 70, true}, {second, 71, false}, {first, 50, true}, {first, 51, false}, {first, 60, false},
		{other, 10, false}, {other, 1000, false},
	} {
		require.Equal(t, c.held, third.holds(Point{c.of.ID, c.step}), "%+v", c)
	}
	ids := map[string]bool{first.ID: true, second.ID: true, third.ID: true, other.ID: true, first.child(50, 2).ID: true, first.child(51, 1).ID: true}
	require.Len(t, ids, 6, "each is a run of its own")

	metadata := map[string]string{}
	third.encode(metadata)
	got, err := decodeRun(metadata)
	require.NoError(t, err)
	require.Equal(t, third, got)
}

func TestTheSameRunHasTheSameName(t *testing.T) {
	name := func(facts, values string) string {
		r, err := NewRun(facts, bytes.NewBufferString(values))
		require.NoError(t, err)
		return r.ID
	}
	require.Equal(t, name("a", "b"), name("a", "b"))
	require.NotEqual(t, name("a", "b"), name("a", "c"))
	require.NotEqual(t, name("ab", "c"), name("a", "bc"))
}

func TestTheErrorForAnUnreadableRunNamesIt(t *testing.T) {
	for want, metadata := range map[string]map[string]string{
		`flowrun.run_order in its metadata is "x", not a number`:    {runKey: "a", orderKey: "x"},
		`flowrun.run_parents in its metadata has "b", not RUN@STEP`: {runKey: "a", orderKey: "1", parentsKey: "b"},
	} {
		_, err := decodeRun(metadata)
		require.EqualError(t, err, want)
	}
	r, err := decodeRun(nil)
	require.NoError(t, err)
	require.Equal(t, Run{}, r)
}

func TestOnlyCheckpointNamesAreCheckpoints(t *testing.T) {
	for name, want := range map[string]int64{ir.CheckpointFile(0): 0, ir.CheckpointFile(7): 7, ir.CheckpointFile(123456789): 123456789, ir.CheckpointFile(12345678901): 12345678901} {
		step, ours := ir.StepOfFile(name)
		require.True(t, ours, name)
		require.Equal(t, want, step)
	}
	for _, name := range []string{"step-1.safetensors", "step-0000000001.safetensors", "step-000000001.safetensors.tmp", "xstep-000000001.safetensors", ir.BestFile} {
		_, ours := ir.StepOfFile(name)
		require.False(t, ours, name)
	}
}
