package queue

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
)

var errCall, errOld, errWait = errors.New("a call"), errors.New("an older one"), errors.New("a wait")

// quiet returns a queue whose work succeeds until *wait is set.
func quiet() (q *Queue, wait *error, idle *int) {
	wait, idle = new(error), new(int)
	return &Queue{
		Device: "gpu:0",
		Wait:   func() error { return *wait },
		Idle:   func() { *idle++ },
		Old:    func(err error) bool { return errors.Is(err, errOld) },
	}, wait, idle
}

func TestAFailureIsTheCallsOwnIfEarlierWorkSucceeded(t *testing.T) {
	q, _, idle := quiet()
	require.NoError(t, q.Note([]string{"neg"}))
	err := q.Failed("kernel add", errCall)
	require.EqualError(t, err, "device gpu:0: kernel add: a call")
	require.ErrorIs(t, err, errCall)
	require.NotErrorAs(t, err, new(*device.Late))
	require.Zero(t, q.Len(), "it has been waited for")
	require.Equal(t, 1, *idle)
}

func TestAFailureOfEarlierWorkNamesIt(t *testing.T) {
	for name, c := range map[string]struct {
		wait error
		fail func(*Queue) error
		want string
	}{
		"a wait that fails": {errWait, (*Queue).Finish, "a wait"},
		"a call that fails, and the wait too": {errWait, func(q *Queue) error { return q.Failed("kernel add", errCall) },
			"a call, then a wait"},
		"a call that says so itself": {nil, func(q *Queue) error { return q.Failed("kernel add", errOld) }, "an older one"},
	} {
		q, wait, idle := quiet()
		*wait = c.wait
		q.Fail = func(err error) error { return errors.Join(err, errors.New("(reported)")) }
		for _, names := range [][]string{{"neg"}, {"add", "neg"}, {"neg"}} {
			require.NoError(t, q.Note(names))
		}
		err := c.fail(q)
		late := new(device.Late)
		require.ErrorAs(t, err, &late, name)
		require.Equal(t, []string{"neg", "add"}, late.Work, name)
		require.EqualError(t, err, "device gpu:0: one of neg, add has failed: "+c.want+"\n(reported)", name)
		require.Zero(t, q.Len(), name)
		require.Equal(t, 1, *idle, name)
		*wait = nil
		require.NoError(t, q.Finish(), "%s: it is reported once", name)
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	q, wait, idle := quiet()
	names := []string{"neg"}
	for range Max {
		require.NoError(t, q.Note(names))
	}
	require.Equal(t, Max, q.Len())
	require.Zero(t, *idle)
	require.NoError(t, q.Note(names))
	require.Equal(t, 1, *idle, "it has waited")
	require.Equal(t, 1, q.Len())
	for range Max - 1 {
		require.NoError(t, q.Note(names))
	}
	*wait = errWait
	require.ErrorAs(t, q.Note(names), new(*device.Late))
	require.Zero(t, q.Len(), "what failed to be noted isn't")
}

func TestNotingAllocatesNothing(t *testing.T) {
	q, _, _ := quiet()
	names := []string{"neg"}
	require.NoError(t, q.Note(names))
	require.Zero(t, testing.AllocsPerRun(2*Max, func() { require.NoError(t, q.Note(names)) }))
}
