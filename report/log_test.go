package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/engine"
)

func TestTheLogHasOneObjectForEachStep(t *testing.T) {
	var b strings.Builder
	log := NewLog(&b, mathNet)
	require.EqualValues(t, 5000, log.Observer().Every)
	play(t, log.Observer(), records())
	golden(t, "log.jsonl", b.String())
}

func TestNumbersWithoutJSONFormAreNull(t *testing.T) {
	var b strings.Builder
	log := NewLog(&b, Run{Metrics: []string{"loss", `odd "name"`}})
	play(t, log.Observer(), []engine.Record{{Step: 1, Loss: math.NaN(), Metrics: []float64{math.Inf(1), math.Inf(-1)}, Last: true}})
	require.Equal(t, `{"step":1,"loss":null,"odd \"name\"":null,"loss_step":null}`+"\n", b.String())
}

func TestEveryNumberInTheLogReadsBackToItsBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		var b bytes.Buffer
		require.NoError(t, NewLog(&b, Run{}).Observer().Observe(engine.Record{Step: 1, Loss: v, Last: true}))
		var got map[string]any
		require.NoError(t, json.Unmarshal(b.Bytes(), &got))
		if math.IsNaN(v) || math.IsInf(v, 0) {
			require.Nil(t, got["loss_step"])
			return
		}
		require.Equal(t, math.Float64bits(v), math.Float64bits(got["loss_step"].(float64)))
	})
}

func TestTheLastRecordIsNotLoggedTwice(t *testing.T) {
	var b strings.Builder
	log := NewLog(&b, Run{Start: 5})
	play(t, log.Observer(), []engine.Record{{Step: 5}, {Step: 6}, {Step: 6, Last: true}})
	require.Equal(t, `{"step":6,"loss_step":0}`+"\n", b.String())
}

func TestALogCanBeFollowedWhileStepsAreSlow(t *testing.T) {
	var b strings.Builder
	o := NewLog(&b, Run{}).Observer()
	play(t, o, []engine.Record{{Step: 1, Elapsed: 900 * time.Millisecond}})
	require.Empty(t, b.String())
	play(t, o, []engine.Record{{Step: 2, Elapsed: 1800 * time.Millisecond}})
	require.Equal(t, 2, strings.Count(b.String(), "\n"))
	play(t, o, []engine.Record{{Step: 3, Elapsed: 1900 * time.Millisecond}})
	require.Equal(t, 2, strings.Count(b.String(), "\n"))
}

func TestAFullDiskIsReported(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("needs /dev/full, which Linux has: ", err)
	}
	defer full.Close()
	log := NewLog(full, Run{})
	o := log.Observer()
	var step int64
	for err == nil && step < 100_000 {
		step++
		err = o.Observe(engine.Record{Step: step})
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.EqualError(t, err, "the log can't be written: write /dev/full: no space left on device")
	require.Less(t, step, int64(10_000), "when the buffer is full, not at the end")

	short := NewLog(full, Run{})
	require.NoError(t, short.Observer().Observe(engine.Record{Step: 1}))
	require.ErrorIs(t, short.Flush(), syscall.ENOSPC)
	require.ErrorIs(t, NewLog(full, Run{}).Observer().Observe(engine.Record{Step: 1, Last: true}), syscall.ENOSPC)
}

func TestAFailedLogStaysFailed(t *testing.T) {
	boom := errors.New("boom")
	log := NewLog(writerFunc(func([]byte) (int, error) { return 0, boom }), Run{})
	require.ErrorIs(t, log.Observer().Observe(engine.Record{Step: 1, Last: true}), boom)
	require.ErrorIs(t, log.Observer().Observe(engine.Record{Step: 2}), boom)
	require.ErrorIs(t, log.Flush(), boom)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestARecordInTheLogAllocatesNothing(t *testing.T) {
	o := NewLog(io.Discard, mathNet).Observer()
	r := engine.Record{Metrics: []float64{0.1, 1.0 / 3}, Loss: math.Pi}
	next := func() {
		r.Step++
		r.Elapsed += time.Millisecond
		if err := o.Observe(r); err != nil {
			t.Fatal(err)
		}
	}
	r.Step = math.MaxInt64 / 2
	next() // the line grows to its size
	require.Zero(t, testing.AllocsPerRun(5000, next))
}

func BenchmarkLog(b *testing.B) {
	o := NewLog(io.Discard, mathNet).Observer()
	r := engine.Record{Metrics: []float64{float64(float32(0.1)), float64(float32(1.0 / 3))}, Loss: float64(float32(math.Pi))}
	b.ReportAllocs()
	for b.Loop() {
		r.Step++
		_ = o.Observe(r)
	}
}

// synced is a file that counts what of it is on the disk.
type synced struct {
	strings.Builder
	lasting int
	fails   error
}

func (s *synced) Sync() error {
	s.lasting = s.Len()
	return s.fails
}

func TestASyncedLogIsOnTheDisk(t *testing.T) {
	file := &synced{}
	o := NewLog(file, Run{}).Observer()
	require.NoError(t, o.Observe(engine.Record{Step: 1}))
	require.Zero(t, file.Len())
	require.NoError(t, o.Sync())
	require.Equal(t, "{\"step\":1,\"loss_step\":0}\n", file.String())
	require.Equal(t, file.Len(), file.lasting)
	file.fails = errors.New("boom")
	require.EqualError(t, o.Sync(), "the log can't be written: boom")
	file.fails = nil
	require.EqualError(t, o.Sync(), "the log can't be written: boom", "what didn't last once may be missing")
}

// The evaluation of step 4 is interrupted: the resumed run writes the step's line.
func TestAStepWhoseEvaluationIsDueHasItsLineFromTheRunThatCompletesIt(t *testing.T) {
	var b strings.Builder
	log := NewLog(&b, Run{Metrics: []string{"eval.loss"}})
	require.NoError(t, log.write(engine.Record{Step: 3, Metrics: []float64{7}}))
	require.NoError(t, log.write(engine.Record{Step: 4, Metrics: []float64{7}, Due: true, Last: true}))
	resumed := Run{Metrics: []string{"eval.loss"}, Start: 4, Due: true}
	require.EqualValues(t, 3, resumed.Logged())
	log = NewLog(&b, resumed)
	require.NoError(t, log.write(engine.Record{Step: 4, Metrics: []float64{5}}))
	require.NoError(t, log.write(engine.Record{Step: 4, Metrics: []float64{5}, Last: true}))
	require.Equal(t, `{"step":3,"eval.loss":7,"loss_step":0}
{"step":4,"eval.loss":5,"loss_step":0}
`, b.String())
}

func TestLearningRatesAreInLogs(t *testing.T) {
	run := Run{Metrics: []string{"loss", "lr[a]"}, Rates: func(step, _ int64) []Rate {
		return []Rate{{"lr", 1 / float64(step)}, {"lr[a]", 7}, {"lr[b,c]", 0.5}}
	}}
	records := []engine.Record{{Step: 4, Metrics: []float64{1, 2}, Last: true}}
	var b strings.Builder
	play(t, NewLog(&b, run).Observer(), records)
	require.Equal(t, `{"step":4,"loss":1,"lr[a]":2,"loss_step":0,"lr":0.25,"lr[b,c]":0.5}`+"\n", b.String())
	b.Reset()
	play(t, NewCSV(&b, run, true).Observer(), records)
	require.Equal(t, "step,loss,lr[a],loss_step,lr,\"lr[b,c]\"\r\n4,1,2,0,0.25,0.5\r\n", b.String())
}

func TestCSVKeepsWhatIsNoNumber(t *testing.T) {
	var b strings.Builder
	run := Run{Metrics: []string{"a", "b", "eval.c", `"d"`}, EpochSteps: 3}
	play(t, NewCSV(&b, run, true).Observer(), []engine.Record{
		{Step: 4, Epoch: 1, Loss: math.Inf(-1), Metrics: []float64{math.NaN(), math.Inf(1), math.NaN(), 0.1}},
		{Step: 5, Epoch: 1, Loss: 1, Metrics: []float64{1, 2, math.NaN(), 3}, Evaluated: true, Last: true},
	})
	require.Equal(t, "step,epoch,a,b,eval.c,\"\"\"d\"\"\",loss_step\r\n4,1,NaN,inf,,0.1,-inf\r\n5,1,1,2,NaN,3,1\r\n", b.String())
}
