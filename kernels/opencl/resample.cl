// resample: x with another size along dim, each element of it a weighted sum of some of
// x's; or the transpose of that, its gradient.
//
// With reach 0, element o is the mean of the elements from ⌊(o·step + from) / over⌋ up to
// ⌊(o·step + to) / over⌋: of those that exist, or are at most edge beyond an end, or as if
// there were divisor of them. With reach 1 it is x at (o·step + from) / over, interpolated
// linearly, with reach 2 by Keys' cubic; beyond its ends x goes on as its last element. With
// a reach and a `to` above 0, all elements less than reach·to / over away have a part, by the
// same curves made that much wider; none beyond the ends has.
//
// x [..., n, ...] → out [..., out_size, ...]. Bound by bytes. Which elements meet is
// integer arithmetic, the same everywhere. The transpose has each element look for those
// that it is a part of, in order; so its sum is the same in every run.

typedef struct {
    int first, end;
} span;

typedef struct {
    i64 step, from, to, over;
    int reach, edge, divisor, in_size, out_size;
} resampling;

DEVICE i64 floor_quotient(i64 a, i64 b) { return a / b - (a % b < 0); }
DEVICE i64 ceil_quotient(i64 a, i64 b) { return floor_quotient(a + b - 1, b); }
DEVICE int limited(i64 v, int low, int high) { return v < low ? low : v > high ? high : (int)v; }

// The position of element o times over, at which the first window begins; and where it
// ends.
DEVICE i64 position(resampling r, int o) { return o * r.step + r.from; }
DEVICE i64 window_end(resampling r, int o) { return floor_quotient(o * r.step + r.to, r.over); }

// Whether the curves are made wider.
DEVICE bool is_wide(resampling r) { return r.reach > 0 && r.to > 0; }

// The elements of x that element o is made of.
DEVICE span sources(resampling r, int o) {
    i64 low = floor_quotient(position(r, o), r.over);
    span s;
    if (is_wide(r)) {
        s.first = limited(floor_quotient(position(r, o) - r.reach * r.to, r.over) + 1, 0, r.in_size);
        s.end = limited(ceil_quotient(position(r, o) + r.reach * r.to, r.over), 0, r.in_size);
        return s;
    }
    s.first = r.reach == 0 ? limited(low, 0, r.in_size) : limited(low - r.reach + 1, 0, r.in_size - 1);
    s.end = r.reach == 0 ? limited(window_end(r, o), 0, r.in_size) : limited(low + r.reach, 0, r.in_size - 1) + 1;
    return s;
}

// The elements that element i of x is a part of.
DEVICE span targets(resampling r, int i) {
    span all = {0, r.out_size}, s;
    if (r.step == 0) {
        return all;
    }
    if (is_wide(r)) {
        s.first = limited(floor_quotient(r.over * i - r.from - r.reach * r.to, r.step) + 1, 0, r.out_size);
        s.end = limited(ceil_quotient(r.over * i - r.from + r.reach * r.to, r.step), 0, r.out_size);
        return s;
    }
    i64 begin = r.reach == 0 ? r.over * (i + 1) - r.to : r.over * (i - r.reach) - r.from;
    i64 end = r.over * (i + (r.reach == 0 ? 1 : r.reach)) - r.from;
    s.first = r.reach > 0 && i == 0 ? 0 : limited(ceil_quotient(begin, r.step), 0, r.out_size);
    s.end = r.reach > 0 && i == r.in_size - 1 ? r.out_size : limited(ceil_quotient(end, r.step), 0, r.out_size);
    return s;
}

// How many elements window o counts as.
DEVICE C window_count(resampling r, int o) {
    if (r.divisor > 0) {
        return (C)r.divisor;
    }
    i64 low = floor_quotient(position(r, o), r.over), high = window_end(r, o);
    low = low < -r.edge ? -r.edge : low;
    high = high > r.in_size + r.edge ? r.in_size + r.edge : high;
    return (C)(high - low);
}

// The curves: a line, and Keys' cubic with its parameter a.
DEVICE C curve(C away, int reach, C a) {
    if (reach == 1) {
        return (C)1 - away;
    }
    if (away <= (C)1) {
        return ((a + (C)2) * away - (a + (C)3)) * away * away + (C)1;
    }
    return ((a * away - (C)5 * a) * away + (C)8 * a) * away - (C)4 * a;
}

// The weight of element i in element o, where x is interpolated: that of all places that
// it stands for.
DEVICE C weight_of(resampling r, int o, int i) {
    i64 at = position(r, o), low = floor_quotient(at, r.over);
    C weight = (C)0;
    if (is_wide(r)) {
        C away = fabs((C)(at - (i64)i * r.over)) / (C)r.to;
        return away < (C)r.reach ? curve(away, r.reach, (C)-0.5) : weight;
    }
    for (i64 tap = low - r.reach + 1; tap <= low + r.reach; tap++) {
        if (limited(tap, 0, r.in_size - 1) != i) {
            continue;
        }
        i64 distance = at - tap * r.over;
        weight += curve(fabs((C)distance) / (C)r.over, r.reach, (C)-0.75);
    }
    return weight;
}

kernel void flowrun_resample(global const T *x, global T *out, int dim, int reach, int out_size, long step, long from, long to, long over,
                             int edge, int divisor, int transposed, int n, int x_size, int inner) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    int inside = i % inner, rest = i / inner, place = rest % out_size;
    resampling r = {step, from, to, over, reach, edge, divisor,
                    transposed ? out_size : x_size, transposed ? x_size : out_size};
    span over_x = transposed ? targets(r, place) : sources(r, place);
    int first = rest / out_size * x_size * inner + inside;
    C sum = (C)0;
    for (int k = over_x.first; k < over_x.end; k++) {
        C v = LOAD(T, x, first + k * inner);
        if (reach == 0) {
            sum += transposed ? v / window_count(r, k) : v;
            continue;
        }
        C weight = transposed ? weight_of(r, k, place) : weight_of(r, place, k);
        if (weight != (C)0) {
            sum += weight * v;
        }
    }
    if (reach == 0 && !transposed && over_x.first < over_x.end) {
        sum /= window_count(r, place);
    }
    STORE(T, out, i, sum);
}
