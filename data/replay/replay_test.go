package replay_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/data/arrays/arraystest"
	"github.com/flowrun/flowrun/data/replay"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/data/table"
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

func field(name, tensor string, t ir.Type) table.Field {
	return arraystest.Field(name, t, "tensor", tensor)
}

func openKind(path string, fields ...table.Field) (table.Table, error) {
	return arraystest.Open(replay.Kind, arraystest.Decl(replay.Kind, path, fields...))
}

func TestRowIOfTheTableIsTheBatchOfStepI(t *testing.T) {
	path := record(t, map[string]ir.Type{
		"batches/x": f32(400, 1, 8),
		"batches/y": {DType: ir.I64, Shape: ir.Shape{400}},
	})
	r, err := openKind(path, field("x", "batches/x", f32(1, 8)), field("y", "batches/y", ir.Scalar(ir.I64)))
	require.NoError(t, err)
	defer r.Close()
	require.EqualValues(t, 400, r.Len())
	require.Equal(t, table.Column{Type: f32(1, 8)}, r.Column(0))
	for _, step := range []int64{0, 1, 2, 399, 398, 0, 200, 200} {
		x, y := ir.NewTensor(f32(1, 8)), ir.NewTensor(ir.Scalar(ir.I64))
		require.NoError(t, r.Read(0, []int64{step}, x.Data))
		require.NoError(t, r.Read(1, []int64{step}, y.Data))
		require.EqualValues(t, 8*step, x.Float(0))
		require.EqualValues(t, 8*step+7, x.Float(7))
		require.Equal(t, step, y.Int(0))
	}
	require.Equal(t, path+`:3, column "batches/y"`, r.At(2, 1).String())
	require.NoError(t, r.Verify())
}

// Files are read in blocks of 256 KiB; here one row is a third of that, or more than all
// of it.
func TestRecordedStepsCanBeReadInAnyOrder(t *testing.T) {
	for _, row := range []int{21_845, 70_000} {
		path := record(t, map[string]ir.Type{"x": f32(10, row)})
		r, err := openKind(path, field("x", "x", f32(row)))
		require.NoError(t, err)
		defer r.Close()
		x := ir.NewTensor(f32(row))
		rapid.Check(t, func(t *rapid.T) {
			step := rapid.Int64Range(0, 9).Draw(t, "step")
			require.NoError(t, r.Read(0, []int64{step}, x.Data))
			require.EqualValues(t, int(step)*row, x.Float(0))
			require.EqualValues(t, int(step)*row+row-1, x.Float(row-1))
		})
	}
}

func TestARecordingThatDoesNotFitIsReportedWithBothTypes(t *testing.T) {
	path := record(t, map[string]ir.Type{
		"x": f32(3, 1, 8), "scalar": f32(), "none": f32(0, 2), "short": f32(2), "one": f32(1, 4), "wide": {DType: ir.F64, Shape: ir.Shape{3, 8}},
	})
	for want, fields := range map[string][]table.Field{
		`: field x: the tensor "x" is f32[3, 1, 8] (3 steps of f32[1, 8]); batches of f32[1, 16] need f32[steps, 1, 16]`: {
			field("x", "x", f32(1, 16))},
		`: field x: the tensor "x" is f32[3, 1, 8] (3 steps of f32[1, 8]); batches of i32[1, 8] need i32[steps, 1, 8]`: {
			field("x", "x", ir.Type{DType: ir.I32, Shape: ir.Shape{1, 8}})},
		`: field x: the tensor "wide" is f64[3, 8] (3 steps of f64[8]); batches of f32[8] need f32[steps, 8]`: {
			field("x", "wide", f32(8))},
		`: field x: the tensor "one" is f32[1, 4] (1 step of f32[4]); batches of f32[] need f32[steps]`: {
			field("x", "one", f32())},
		`: field x: the tensor "scalar" is f32[] (no steps); batches of f32[] need f32[steps]`: {
			field("x", "scalar", f32())},
		`: field x: the tensor "none" is f32[0, 2] (no steps); batches of f32[2] need f32[steps, 2]`: {
			field("x", "none", f32(2))},
		`: field y has 2 steps, and field x has 3; all fields must have the same number`: {
			field("x", "x", f32(1, 8)), field("y", "short", f32())},
		`: no tensor "z"; the file has none, one, scalar, short, wide, x`: {
			field("x", "z", f32())},
	} {
		_, err := openKind(path, fields...)
		require.Error(t, err)
		require.Equal(t, path+want, strings.TrimPrefix(err.Error(), "field x: "))
	}
	_, err := openKind(path, field("x", "x", f32(1, 8)))
	require.NoError(t, err)
}

func TestTheErrorForAMissingRecordingNamesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.safetensors")
	_, err := openKind(path, field("x", "x", f32()))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, path)
}

func TestARecordingThatIsCutShortWhileInUseIsAnError(t *testing.T) {
	path := record(t, map[string]ir.Type{"x": f32(10, 70_000)})
	r, err := openKind(path, field("x", "x", f32(70_000)))
	require.NoError(t, err)
	defer r.Close()
	batch := make([]byte, 4*70_000)
	require.NoError(t, r.Read(0, []int64{0}, batch))
	require.NoError(t, os.Truncate(path, 1000))
	require.ErrorContains(t, r.Read(0, []int64{0}, batch), path+": ")
}

func TestReadingARecordedBatchAllocatesNothing(t *testing.T) {
	path := record(t, map[string]ir.Type{"x": f32(1000, 8)})
	r, err := openKind(path, field("x", "x", f32(8)))
	require.NoError(t, err)
	defer r.Close()
	batch, rows := make([]byte, 32), make([]int64, 1)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if err := r.Read(0, rows, batch); err != nil {
			t.Fatal(err)
		}
		rows[0] = (rows[0] + 7) % 1000
	}))
}
