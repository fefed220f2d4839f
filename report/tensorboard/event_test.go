package tensorboard

import (
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What TensorBoard 2.21.0's own RecordWriter writes of its own messages.
const (
	version = "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9"
	start   = "0f000000000000006d532b090900001040fc54d94110073a0208010f417177"
	values  = "420000000000000079f36eaa0900001040fc54d94110ac022a340a0b0a046c6f737315cdcccc3d0a1b0a0174420a080712004204232068694a0a0a060a047465787420020a080a016e150000c07f4edae333"
)

var at = time.Unix(1_700_000_000, 250_000_000)

func TestRecordsHaveTheBytesOfTensorBoardsOwn(t *testing.T) {
	require.Equal(t, version+start, hex.EncodeToString(AppendBeginning(nil, at, 7)))
	var e Event
	for range 2 { // used again, it is as new
		e.Reset()
		e.Scalar("loss", 0.1)
		e.Text("t", "# hi")
		e.Scalar("n", math.NaN())
		require.Equal(t, values, hex.EncodeToString(e.Append(nil, at, 300)))
	}
}

func TestAnEventOfScalarsAllocatesNothing(t *testing.T) {
	var e Event
	var b []byte
	next := func() {
		e.Reset()
		e.Scalar("loss", 0.1)
		e.Scalar("accuracy", 0.9)
		b = e.Append(b[:0], at, 1<<40)
	}
	next()
	require.Zero(t, testing.AllocsPerRun(100, next))
}

func TestALaterFilesNameComesAfterEarlierOnes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	has, err := HasEvents(dir)
	require.NoError(t, err)
	require.False(t, has)
	var names []string
	for _, when := range []time.Time{at, at, at.Add(-time.Hour), at.Add(time.Hour)} { // a clock may be set back
		f, err := Create(dir, when)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		names = append(names, filepath.Base(f.Name()))
	}
	require.True(t, slices.IsSorted(names), names)
	require.Len(t, slices.Compact(names), 4)
	has, err = HasEvents(dir)
	require.NoError(t, err)
	require.True(t, has)
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o666))
	_, err = HasEvents(plain)
	require.Error(t, err)
	_, err = Create(plain, at)
	require.Error(t, err)
}
