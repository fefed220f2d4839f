// What threads do, alone and together: elementwise work, several elements each,
// and values that a team joins.

// Several neighbouring elements, which a thread reads and writes at once where
// they lie so that it can: 16 bytes of f32, which it takes a few of under way to
// fill the memory's bandwidth.
#define EACH 4

template <class element> struct __align__(sizeof(element) >= 4 ? 16 : EACH * sizeof(element)) several {
    element v[EACH];
};

template <class compute> struct batch {
    compute v[EACH];
};

template <class element> DEVICE bool is_aligned(const element *p) {
    return ((u64)p & (alignof(several<element>) - 1)) == 0;
}

// load_batch reads EACH elements that are a stride apart, the first count of them
// if there are fewer, and 0 for the others.
template <class element> DEVICE batch<compute_of<element>> load_batch(const element *p, int stride, int count) {
    batch<compute_of<element>> b;
    if (stride == 1 && count >= EACH && is_aligned(p)) {
        several<element> s = *(const several<element> *)p;
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            b.v[e] = widen(s.v[e]);
        }
        return b;
    }
#pragma unroll
    for (int e = 0; e < EACH; e++) {
        b.v[e] = e < count ? widen(p[e * stride]) : (compute_of<element>)0;
    }
    return b;
}

// store_batch writes EACH elements that are a stride apart, or the first count.
template <class element> DEVICE void store_batch(element *p, int stride, int count, batch<compute_of<element>> b) {
    if (stride == 1 && count >= EACH && is_aligned(p)) {
        several<element> s;
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            narrow(&s.v[e], b.v[e]);
        }
        *(several<element> *)p = s;
        return;
    }
#pragma unroll
    for (int e = 0; e < EACH; e++) {
        if (e < count) {
            narrow(p + e * stride, b.v[e]);
        }
    }
}

// Where elements of an elementwise kernel's operand come from: a tensor that lies as
// the output does, or one that is walked through by strides. It is even if no batch
// goes beyond a row of it: a batch's elements are then a stride apart.
template <class element> struct dense {
    const element *p;
    __device__ __forceinline__ bool is_even() const { return true; }
    __device__ __forceinline__ compute_of<element> load(int i) const { return widen(p[i]); }
    __device__ __forceinline__ batch<compute_of<element>> load(int i, int count) const { return load_batch(p + i, 1, count); }
};

template <class element> struct walk {
    const element *p;
    const list &dims, &strides;
    __device__ __forceinline__ bool is_even() const { return dims.s[1] == 1 || dims.s[0] % EACH == 0; }
    __device__ __forceinline__ compute_of<element> load(int i) const { return widen(p[offset(i, dims, strides)]); }
    __device__ __forceinline__ batch<compute_of<element>> load(int i, int count) const {
        return load_batch(p + offset(i, dims, strides), strides.s[0], count);
    }
};

template <class element> DEVICE dense<element> along(const element *p) { return {p}; }
template <class element> DEVICE walk<element> along(const element *p, const list &dims, const list &strides) {
    return {p, dims, strides};
}

// The numbers of the elements themselves, as an operand.
struct numbering {
    __device__ __forceinline__ bool is_even() const { return true; }
    __device__ __forceinline__ int load(int i) const { return i; }
    __device__ __forceinline__ batch<int> load(int i, int) const {
        batch<int> b;
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            b.v[e] = i + e;
        }
        return b;
    }
};

// together applies f to each place of several batches.
template <class function, class... computes>
DEVICE auto together(function f, batch<computes>... from) -> batch<decltype(f(from.v[0]...))> {
    batch<decltype(f(from.v[0]...))> result;
#pragma unroll
    for (int e = 0; e < EACH; e++) {
        result.v[e] = f(from.v[e]...);
    }
    return result;
}

// map computes an elementwise kernel of n elements, out[i] = f(a[i], b[i], …): the
// EACH elements of this thread. It reads an element before it writes that place, so
// out may be the memory of an operand that lies as it does.
template <class element, class function, class... operands>
DEVICE void map(element *out, int n, function f, operands... from) {
    i64 first = ((i64)blockIdx.x * blockDim.x + threadIdx.x) * EACH;
    if (first >= n) {
        return;
    }
    int i = (int)first, end = n - i < EACH ? n : i + EACH;
    if ((from.is_even() && ...)) {
        store_batch(out + i, 1, n - i, together(f, from.load(i, n - i)...));
        return;
    }
#pragma unroll 1
    for (; i < end; i++) {
        store(out + i, (compute_of<element>)f(from.load(i)...));
    }
}

// move writes elements as they are, out[i] = x(i) for n elements: the EACH of this
// thread.
template <class element, class function> DEVICE void move(element *out, int n, function x) {
    i64 first = ((i64)blockIdx.x * blockDim.x + threadIdx.x) * EACH;
    if (first + EACH <= n && is_aligned(out)) {
        several<element> s;
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            s.v[e] = x((int)first + e);
        }
        *(several<element> *)(out + first) = s;
        return;
    }
#pragma unroll
    for (int e = 0; e < EACH; e++) {
        if (first + e < n) {
            out[first + e] = x((int)first + e);
        }
    }
}

// move copies n elements that lie alike.
template <class element> DEVICE void move(element *out, const element *x, int n) {
    i64 first = ((i64)blockIdx.x * blockDim.x + threadIdx.x) * EACH;
    if (first + EACH <= n && is_aligned(out) && is_aligned(x)) {
        *(several<element> *)(out + first) = *(const several<element> *)(x + first);
        return;
    }
    move(out, n, [=](int i) { return x[i]; });
}

// draw_batch writes a random node's n elements, EACH to a thread: f makes them of
// the words that are drawn for them.
template <class element, class function> DEVICE void draw_batch(const i64 *step, element *out, i64 key, int n, function f) {
    i64 block = (i64)blockIdx.x * blockDim.x + threadIdx.x, first = block * EACH;
    if (first < n) {
        batch<compute_of<element>> b;
        f(draw(key, step[0], (int)block), &b);
        store_batch(out + first, 1, (int)(n - first), b);
    }
}

// A team is `team` neighbouring threads of a block, a power of two, which share a
// row. A block has whole warps.
#define WARP 32
#define ALL_LANES 0xffffffffu

// exchange gives a lane the value of the one whose number differs in the bits of
// reach. All lanes of the warp take part.
template <class value> DEVICE value exchange(value v, int reach) {
    union {
        value whole;
        u32 words[sizeof(value) / sizeof(u32)];
    } mine = {v}, other;
#pragma unroll
    for (int i = 0; i < (int)(sizeof(value) / sizeof(u32)); i++) {
        other.words[i] = __shfl_xor_sync(ALL_LANES, mine.words[i], reach);
    }
    return other.whole;
}

// lane_fold joins the values of `lanes` neighbouring lanes, a power of two, and
// gives each of them the result.
template <class value, class function> DEVICE value lane_fold(value v, int lanes, function join) {
    for (int reach = 1; reach < lanes; reach *= 2) {
        value other = exchange(v, reach);
        v = threadIdx.x & reach ? join(other, v) : join(v, other);
    }
    return v;
}

// team_fold joins the values of all members of a team, in an order that depends on
// the team's size alone, and gives each of them the result. All threads of the
// block must call it.
template <class value, class function> DEVICE value team_fold(value v, int team, function join) {
    __shared__ value of_warp[WARP];
    if (team <= WARP) {
        return lane_fold(v, team, join);
    }
    v = lane_fold(v, WARP, join);
    int warps = team / WARP, warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    if (lane == 0) {
        of_warp[warp] = v;
    }
    __syncthreads();
    v = lane_fold(of_warp[(warp & -warps) + (lane & (warps - 1))], warps, join);
    __syncthreads(); // before the next fold writes
    return v;
}

// What a team's threads are to each other: which row they share, and which of its
// members this one is.
struct post {
    int row, member;
};

DEVICE post post_in(int team) {
    i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    return {(int)(thread / team), (int)(thread & (team - 1))};
}

// team_scan gives each member of a team the values of all members up to itself, joined in
// order, and in `all` those of the whole team: in round s every member joins what the one
// 2^s before it has to its own (Hillis and Steele, "Data parallel algorithms", 1986). All
// threads of the block must call it, with shared memory for one value each.
template <class value, class function> DEVICE value team_scan(value *scratch, value v, int team, function join, value *all) {
    int me = threadIdx.x, member = me & (team - 1);
    scratch[me] = v;
    for (int reach = 1; reach < team; reach *= 2) {
        __syncthreads();
        value earlier = scratch[member >= reach ? me - reach : me];
        __syncthreads();
        if (member >= reach) {
            v = join(earlier, v);
            scratch[me] = v;
        }
    }
    __syncthreads();
    *all = scratch[me - member + team - 1];
    __syncthreads();
    return v;
}

// A row of up to HELD elements for each member is read once, into registers. Its
// elements are dealt out EACH at a time.
#define HELD 16

// deal calls f(k, i) for each element i that a member of a team has of a row of n,
// its k-th.
template <class function> DEVICE void deal(int n, int member, int team, function f) {
#pragma unroll
    for (int k = 0; k < HELD; k++) {
        int i = (k / EACH * team + member) * EACH + k % EACH;
        if (i < n) {
            f(k, i);
        }
    }
}

// hold reads a member's elements of a row, which are a stride apart.
template <class element>
DEVICE void hold(compute_of<element> *v, const element *row, int stride, int n, int member, int team) {
#pragma unroll
    for (int k = 0; k < HELD; k += EACH) {
        int i = (k / EACH * team + member) * EACH;
        if (i < n) {
            batch<compute_of<element>> b = load_batch(row + i * stride, stride, n - i);
#pragma unroll
            for (int e = 0; e < EACH; e++) {
                v[k + e] = b.v[e];
            }
        }
    }
}

// give_back writes them.
template <class element>
DEVICE void give_back(const compute_of<element> *v, element *row, int stride, int n, int member, int team) {
#pragma unroll
    for (int k = 0; k < HELD; k += EACH) {
        int i = (k / EACH * team + member) * EACH;
        if (i < n) {
            batch<compute_of<element>> b;
#pragma unroll
            for (int e = 0; e < EACH; e++) {
                b.v[e] = v[k + e];
            }
            store_batch(row + i * stride, stride, n - i, b);
        }
    }
}

// deal_out writes a member's elements of a row of n: f(k, i) gives a batch of them,
// from the k-th on, which is the row's i-th.
template <class element, class function> DEVICE void deal_out(element *row, int n, int member, int team, function f) {
#pragma unroll
    for (int k = 0; k < HELD; k += EACH) {
        int i = (k / EACH * team + member) * EACH;
        if (i < n) {
            store_batch(row + i, 1, n - i, f(k, i));
        }
    }
}

// A reduction's rows: out has one element for each, and it is at kept_strides in x,
// its count elements at reduced_strides from there.
struct reduction {
    int rows, count, team;
    const list &kept, &kept_strides, &reduced, &reduced_strides;
};

// reduce folds each row, by a team whose members each take every team-th element:
// all = add(all, element, its number), then join(all, another's), and out = end(all).
template <class element, class result, class value, class adding, class joining, class ending>
DEVICE void reduce(const element *x, result *out, reduction r, value all, adding add, joining join, ending end) {
    post p = post_in(r.team);
    if (p.row < r.rows) {
        const element *from = x + offset(p.row, r.kept, r.kept_strides);
#pragma unroll 4
        for (int i = p.member; i < r.count; i += r.team) {
            all = add(all, load(from + offset(i, r.reduced, r.reduced_strides)), i);
        }
    }
    all = team_fold(all, r.team, join);
    if (p.row < r.rows && p.member == 0) {
        store(out + p.row, end(all));
    }
}
