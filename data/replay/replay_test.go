package replay_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/data/replay"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/ir"
)

func f32(shape ...int) ir.Type { return ir.Type{DType: ir.F32, Shape: shape} }

// record writes a file of tensors whose elements are 0, 1, 2, ….
func record(t interface{ TempDir() string }, types map[string]ir.Type) string {
	tensors := map[string]*ir.Tensor{}
	for name, typ := range types {
		tensors[name] = ir.NewTensor(typ)
		for i := range typ.Shape.Numel() {
			tensors[name].SetFloat(i, float64(i))
		}
	}
	path := filepath.Join(t.TempDir(), "batches.safetensors")
	if err := safetensors.Write(path, tensors); err != nil {
		panic(err)
	}
	return path
}

func TestRowIIsTheBatchOfStepI(t *testing.T) {
	path := record(t, map[string]ir.Type{
		"batches/x": f32(400, 1, 8),
		"batches/y": {DType: ir.I64, Shape: ir.Shape{400}},
	})
	r, err := open(path,
		replay.Field{Name: "x", Tensor: "batches/x", Type: f32(1, 8)},
		replay.Field{Name: "y", Tensor: "batches/y", Type: ir.Scalar(ir.I64)})
	require.NoError(t, err)
	defer r.Close()
	require.ErrorContains(t, r.Batch(400, "y", make([]byte, 8)), "the file has 400 steps")
	for _, step := range []int64{0, 1, 2, 399, 398, 0, 200, 200} {
		x, y := ir.NewTensor(f32(1, 8)), ir.NewTensor(ir.Scalar(ir.I64))
		require.NoError(t, r.Batch(step, "x", x.Data))
		require.NoError(t, r.Batch(step, "y", y.Data))
		require.EqualValues(t, 8*step, x.Float(0))
		require.EqualValues(t, 8*step+7, x.Float(7))
		require.Equal(t, step, y.Int(0))
	}
}

// Rows are read in windows of 256 KiB; here one row is a third of that, or
// more than all of it.
func TestStepsCanBeReadInAnyOrder(t *testing.T) {
	for _, row := range []int{21_845, 70_000} {
		path := record(t, map[string]ir.Type{"x": f32(10, row)})
		r, err := open(path, replay.Field{Name: "x", Tensor: "x", Type: f32(row)})
		require.NoError(t, err)
		defer r.Close()
		x := ir.NewTensor(f32(row))
		rapid.Check(t, func(t *rapid.T) {
			step := rapid.Int64Range(0, 9).Draw(t, "step")
			require.NoError(t, r.Batch(step, "x", x.Data))
			require.EqualValues(t, int(step)*row, x.Float(0))
			require.EqualValues(t, int(step)*row+row-1, x.Float(row-1))
		})
	}
}

func TestTheErrorForAStepOutOfRangeGivesTheNumberOfSteps(t *testing.T) {
	path := record(t, map[string]ir.Type{"x": f32(3, 2)})
	r, err := open(path, replay.Field{Name: "x", Tensor: "x", Type: f32(2)})
	require.NoError(t, err)
	defer r.Close()
	batch := make([]byte, 8)
	require.NoError(t, r.Batch(2, "x", batch))
	require.EqualError(t, r.Batch(3, "x", batch),
		path+": step 3 is out of range: the file has 3 steps (0 to 2); set max_steps: 3, or record more")
	require.ErrorContains(t, r.Batch(-1, "x", batch), "step -1 is out of range")
	require.EqualError(t, r.Batch(0, "y", batch), path+`: no field "y" in this replay`)
	require.EqualError(t, r.Batch(0, "x", batch[:4]), path+": field x: a batch has 8 bytes, the buffer has 4")
}

func TestATensorOfTheWrongTypeIsReportedAtOpenWithBothTypes(t *testing.T) {
	path := record(t, map[string]ir.Type{
		"x": f32(3, 1, 8), "scalar": f32(), "none": f32(0, 2), "short": f32(2),
	})
	for want, fields := range map[string][]replay.Field{
		path + `: field x: the tensor "x" is f32[3, 1, 8] (3 steps of f32[1, 8]); batches of f32[1, 16] need f32[steps, 1, 16]`: {
			{Name: "x", Tensor: "x", Type: f32(1, 16)}},
		path + `: field x: the tensor "x" is f32[3, 1, 8] (3 steps of f32[1, 8]); batches of i32[1, 8] need i32[steps, 1, 8]`: {
			{Name: "x", Tensor: "x", Type: ir.Type{DType: ir.I32, Shape: ir.Shape{1, 8}}}},
		path + `: field x: the tensor "scalar" is f32[] (no steps); batches of f32[] need f32[steps]`: {
			{Name: "x", Tensor: "scalar", Type: f32()}},
		path + `: field x: the tensor "none" is f32[0, 2] (no steps); batches of f32[2] need f32[steps, 2]`: {
			{Name: "x", Tensor: "none", Type: f32(2)}},
		path + `: field y has 2 recorded steps, and field x has 3; all fields must have the same number`: {
			{Name: "x", Tensor: "x", Type: f32(1, 8)}, {Name: "y", Tensor: "short", Type: f32()}},
		`field x: ` + path + `: no tensor "z"; the file has none, scalar, short, x`: {
			{Name: "x", Tensor: "z", Type: f32()}},
		path + `: a replay needs at least one field`: nil,
	} {
		_, err := open(path, fields...)
		require.EqualError(t, err, want)
	}
}

func TestTheErrorForAMissingFileNamesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.safetensors")
	_, err := open(path, replay.Field{Name: "x", Tensor: "x", Type: f32()})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, path)
}

func TestAFailedReadDiscardsTheRowsInMemory(t *testing.T) {
	path := record(t, map[string]ir.Type{"x": f32(10, 70_000)})
	r, err := open(path, replay.Field{Name: "x", Tensor: "x", Type: f32(70_000)})
	require.NoError(t, err)
	defer r.Close()
	batch := make([]byte, 4*70_000)
	require.NoError(t, r.Batch(0, "x", batch))
	require.NoError(t, os.Truncate(path, 1000))
	require.ErrorContains(t, r.Batch(1, "x", batch), "truncated")
	require.Error(t, r.Batch(0, "x", batch))
}

func TestABatchAllocatesNothing(t *testing.T) {
	path := record(t, map[string]ir.Type{"x": f32(1000, 8)})
	r, err := open(path, replay.Field{Name: "x", Tensor: "x", Type: f32(8)})
	require.NoError(t, err)
	defer r.Close()
	batch := make([]byte, 32)
	step := int64(0)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if err := r.Batch(step%1000, "x", batch); err != nil {
			t.Fatal(err)
		}
		step += 7
	}))
}

func open(path string, fields ...replay.Field) (*replay.Replay, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return replay.Open(file, path, fields)
}
