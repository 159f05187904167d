/* A layer over a block of steps: what _scan.py does between the products over many steps, in one call.
 *
 * Forward, a step's product with h_{t-1} and its units; backward, its units' derivatives and the product with
 * W'. Rows never meet, so every thread takes some rows through all steps of the block and waits for no other.
 * _native.py makes the calls, _build.py the library; REAL is float or double. Equations: the docstrings of the
 * cells' files and docs/bptt.md.
 *
 * Numbers that are not finite stay so: nothing here may be compiled with -ffinite-math-only.
 */
#include <stdint.h>
#include <string.h>

typedef REAL real;
#define DOUBLE (sizeof(real) == 8)
#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
typedef real vec __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));
enum { LANES = BYTES / sizeof(real), PANEL = 2 * LANES, TILE = 6 }; /* 2 TILE sums fill the registers */
#define INLINE static inline __attribute__((always_inline))

/* ---- Products: out += a w, w (depth, width) in panels of PANEL columns, each (depth, PANEL), padded by 0. */

int64_t panel_width(void) { return PANEL; }

/* w[k, j] lies at w[k * by_depth + j * by_width] */
void pack(int64_t depth, int64_t width, int64_t by_depth, int64_t by_width, const real *w, real *panels)
{
    for (int64_t first = 0; first < width; first += PANEL)
        for (int64_t k = 0; k < depth; k++)
            for (int64_t j = first; j < first + PANEL; j++)
                *panels++ = j < width ? w[k * by_depth + j * by_width] : 0;
}

INLINE void tile(const int rows, int64_t depth, const real *a, int64_t a_row, const real *panel, real *out,
                 int64_t out_row)
{
    vec left[TILE], right[TILE];
    for (int i = 0; i < rows; i++) {
        left[i] = *(const vec *)(out + i * out_row);
        right[i] = *(const vec *)(out + i * out_row + LANES);
    }
    for (int64_t k = 0; k < depth; k++, panel += PANEL) {
        const vec w_left = *(const vec *)panel, w_right = *(const vec *)(panel + LANES);
        for (int i = 0; i < rows; i++) {
            left[i] += a[i * a_row + k] * w_left;
            right[i] += a[i * a_row + k] * w_right;
        }
    }
    for (int i = 0; i < rows; i++) {
        *(vec *)(out + i * out_row) = left[i];
        *(vec *)(out + i * out_row + LANES) = right[i];
    }
}

static void tile_of(int rows, int64_t depth, const real *a, int64_t a_row, const real *panel, real *out,
                    int64_t out_row)
{
    switch (rows) { /* a constant each, so that the sums stay in registers */
    case 1: tile(1, depth, a, a_row, panel, out, out_row); break;
    case 2: tile(2, depth, a, a_row, panel, out, out_row); break;
    case 3: tile(3, depth, a, a_row, panel, out, out_row); break;
    case 4: tile(4, depth, a, a_row, panel, out, out_row); break;
    case 5: tile(5, depth, a, a_row, panel, out, out_row); break;
    default: tile(TILE, depth, a, a_row, panel, out, out_row);
    }
}

static void product(int64_t rows, int64_t depth, int64_t width, const real *a, int64_t a_row, const real *w,
                    real *out, int64_t out_row)
{
    for (int64_t first = 0; first < width; first += PANEL, w += depth * PANEL) {
        const int64_t columns = width - first < PANEL ? width - first : PANEL;
        for (int64_t row = 0; row < rows; row += TILE) {
            const int count = rows - row < TILE ? (int)(rows - row) : TILE;
            real *to = out + row * out_row + first, edge[TILE * PANEL] = {0};
            if (columns == PANEL) {
                tile_of(count, depth, a + row * a_row, a_row, w, to, out_row);
                continue;
            }
            for (int i = 0; i < count; i++)
                memcpy(edge + i * PANEL, to + i * out_row, columns * sizeof(real));
            tile_of(count, depth, a + row * a_row, a_row, w, edge, PANEL);
            for (int i = 0; i < count; i++)
                memcpy(to + i * out_row, edge + i * PANEL, columns * sizeof(real));
        }
    }
}

/* ---- Functions of one number, within 3 units in the last place, written so that loops over them become
 * vectors. e^x = 2^n (1 + q), n the integer next to x / ln 2, q = e^r - 1 by Taylor's series at the rest r. */

INLINE real clamp(real x, real limit) /* leaves what is not a number */
{
    x = x < -limit ? -limit : x;
    return x > limit ? limit : x;
}

INLINE real power_of_two(real n_in_last_bits)
{
    real power;
    if (DOUBLE) {
        uint64_t bits;
        memcpy(&bits, &n_in_last_bits, sizeof(real));
        bits = (bits << 52) + ((uint64_t)1023 << 52);
        memcpy(&power, &bits, sizeof(real));
    } else {
        uint32_t bits;
        memcpy(&bits, &n_in_last_bits, sizeof(real));
        bits = (bits << 23) + ((uint32_t)127 << 23);
        memcpy(&power, &bits, sizeof(real));
    }
    return power;
}

INLINE void exponential(real x, real *power, real *q)
{
    const real rounds = DOUBLE ? 0x1.8p52 : 0x1.8p23; /* x + this has no bits behind the point */
    const real shifted = x * (real)1.4426950408889634 + rounds, n = shifted - rounds;
    const real ln2_high = DOUBLE ? 0x1.62e42feep-1 : 0x1.62e4p-1; /* few bits, so that n times it is exact */
    const real ln2_low = DOUBLE ? 0x1.a39ef35793c76p-33 : 0x1.7f7d1cp-20;
    const real r = x - n * ln2_high - n * ln2_low;
    real sum = 1.0 / 5040;
    if (DOUBLE) {
        sum = 1.0 / 6227020800;
        sum = sum * r + 1.0 / 479001600;
        sum = sum * r + 1.0 / 39916800;
        sum = sum * r + 1.0 / 3628800;
        sum = sum * r + 1.0 / 362880;
        sum = sum * r + 1.0 / 40320;
        sum = sum * r + 1.0 / 5040;
    }
    sum = sum * r + (real)(1.0 / 720);
    sum = sum * r + (real)(1.0 / 120);
    sum = sum * r + (real)(1.0 / 24);
    sum = sum * r + (real)(1.0 / 6);
    sum = sum * r + (real)0.5;
    *q = sum * r * r + r;
    *power = power_of_two(shifted);
}

INLINE real sigmoid(real x)
{
    real power, q;
    exponential(clamp(-x, DOUBLE ? 700 : 87), &power, &q);
    return 1 / (1 + power + power * q);
}

INLINE real hyperbolic_tangent(real x) /* by e^2x - 1, which keeps the last places where x is small */
{
    real power, q;
    exponential(clamp(2 * x, 40), &power, &q);
    const real m = power * q + (power - 1);
    return m / (m + 2);
}

/* for the tests */
void sigmoids(int64_t n, const real *x, real *y) { for (int64_t i = 0; i < n; i++) y[i] = sigmoid(x[i]); }
void tangents(int64_t n, const real *x, real *y) { for (int64_t i = 0; i < n; i++) y[i] = hyperbolic_tangent(x[i]); }

/* ---- Cells, one row of n units. a: gates as the scan orders them, those that get their product apart twice:
 * [joined | product | drive]. forward turns drives and products into gates and makes the new carry; backward
 * makes d, the gradients of a, turns dh into what goes past the product, and dc into that of the old c. */

#define IN const real *restrict
#define OUT real *restrict
#define FORWARD(name) INLINE void name##_forward(int64_t n, OUT a, IN h, IN c, OUT new_h, OUT new_c)
#define BACKWARD(name) INLINE void name##_backward(int64_t n, IN a, IN h, IN c, IN new_h, IN new_c, IN dy,    \
                                                   OUT dh, OUT dc, OUT d)
#define EACH_UNIT for (int64_t i = 0; i < n; i++)
typedef void forward_units(int64_t, OUT, IN, IN, OUT, OUT);
typedef void backward_units(int64_t, IN, IN, IN, IN, IN, IN, OUT, OUT, OUT);

FORWARD(elman_tanh) { EACH_UNIT new_h[i] = hyperbolic_tangent(a[i]); }
BACKWARD(elman_tanh)
{
    EACH_UNIT {
        d[i] = (dh[i] + dy[i]) * (1 - new_h[i] * new_h[i]);
        dh[i] = 0;
    }
}

FORWARD(elman_relu) { EACH_UNIT new_h[i] = a[i] < 0 ? 0 : a[i]; }
BACKWARD(elman_relu)
{
    EACH_UNIT {
        d[i] = (dh[i] + dy[i]) * (new_h[i] > 0 ? 1 : 0);
        dh[i] = 0;
    }
}

FORWARD(elman_sigmoid) { EACH_UNIT new_h[i] = sigmoid(a[i]); }
BACKWARD(elman_sigmoid)
{
    EACH_UNIT {
        d[i] = (dh[i] + dy[i]) * new_h[i] * (1 - new_h[i]);
        dh[i] = 0;
    }
}

FORWARD(gru)
{
    OUT a_r = a, *restrict a_z = a + n, *restrict u = a + 2 * n, *restrict a_n = a + 3 * n;
    EACH_UNIT {
        const real r = sigmoid(a_r[i]), z = sigmoid(a_z[i]), new = hyperbolic_tangent(a_n[i] + r * u[i]);
        a_r[i] = r, a_z[i] = z, a_n[i] = new;
        new_h[i] = new + z * (h[i] - new);
    }
}
BACKWARD(gru)
{
    EACH_UNIT {
        const real m = dh[i] + dy[i], r = a[i], z = a[n + i], u = a[2 * n + i], new = a[3 * n + i];
        const real dn = m * (1 - z) * (1 - new * new), du = dn * r;
        d[i] = du * u * (1 - r);
        d[n + i] = m * (h[i] - new) * z * (1 - z);
        d[2 * n + i] = du;
        d[3 * n + i] = dn;
        dh[i] = m * z;
    }
}

FORWARD(lstm)
{
    OUT a_i = a, *restrict a_f = a + n, *restrict a_g = a + 2 * n, *restrict a_o = a + 3 * n;
    EACH_UNIT {
        const real in = sigmoid(a_i[i]), f = sigmoid(a_f[i]), g = hyperbolic_tangent(a_g[i]), o = sigmoid(a_o[i]);
        a_i[i] = in, a_f[i] = f, a_g[i] = g, a_o[i] = o;
        new_c[i] = f * c[i] + in * g;
        new_h[i] = o * hyperbolic_tangent(new_c[i]);
    }
}
BACKWARD(lstm)
{
    EACH_UNIT {
        const real m = dh[i] + dy[i], in = a[i], f = a[n + i], g = a[2 * n + i], o = a[3 * n + i];
        const real t = hyperbolic_tangent(new_c[i]), by_c = dc[i] + m * o * (1 - t * t);
        d[i] = by_c * g * in * (1 - in);
        d[n + i] = by_c * c[i] * f * (1 - f);
        d[2 * n + i] = by_c * in * (1 - g * g);
        d[3 * n + i] = m * t * o * (1 - o);
        dh[i] = 0;
        dc[i] = by_c * f;
    }
}

FORWARD(coupled)
{
    OUT a_f = a, *restrict a_g = a + n, *restrict a_o = a + 2 * n;
    EACH_UNIT {
        const real f = sigmoid(a_f[i]), g = hyperbolic_tangent(a_g[i]), o = sigmoid(a_o[i]);
        a_f[i] = f, a_g[i] = g, a_o[i] = o;
        new_c[i] = g + f * (c[i] - g);
        new_h[i] = o * hyperbolic_tangent(new_c[i]);
    }
}
BACKWARD(coupled)
{
    EACH_UNIT {
        const real m = dh[i] + dy[i], f = a[i], g = a[n + i], o = a[2 * n + i];
        const real t = hyperbolic_tangent(new_c[i]), by_c = dc[i] + m * o * (1 - t * t);
        d[i] = by_c * (c[i] - g) * f * (1 - f);
        d[n + i] = by_c * (1 - f) * (1 - g * g);
        d[2 * n + i] = m * t * o * (1 - o);
        dh[i] = 0;
        dc[i] = by_c * f;
    }
}

/* ---- A block of steps. Rows lie step by step, longest first, so that a step's rows are the first ones. */

struct block { /* as in _native.py */
    int64_t parts, hidden, steps, rows; /* rows: of all the block's steps */
    const int64_t *sizes;               /* rows of the step before the block, then of each of its steps */
    const real *w;                      /* packed: W' forward, W backward */
    const uint8_t *begins;              /* (rows), which of them begin a sequence; NULL: none */
    real *a, *d;                        /* (rows, gates): kept by forward; made by backward */
    const real *dy;                     /* (rows, n), gradient by the output */
    real *h, *c;                        /* (.., n), the step before the block, and after it what is made */
    const real *first_h, *first_c;      /* (B, n), what rows begin with that begin here */
    real *before_h, *before_c;          /* what steps begin with: (B, n) scratch forward, (rows, n) backward */
    const real *after_h, *after_c;      /* (rows, n), what steps end with */
    real *dh, *dc;                      /* (B, n), by the carry after the block, then by that before it */
    real *dfirst_h, *dfirst_c;          /* (B, n), added to; NULL: nobody asks */
    const double *crossing;             /* factor and limit of what a step hands back; NULL: none */
    real *by_bias_ih, *by_bias_hh;      /* gradients of biases, added to; NULL: nobody asks */
    int64_t next;                       /* the first part that no thread has taken */
};

INLINE void cross(int64_t count, const double *crossing, real *back)
{
    const real factor = crossing[0], limit = crossing[1];
    for (int64_t i = 0; i < count; i++) back[i] = clamp(factor * back[i], limit);
}

INLINE void forward(struct block *b, int64_t part, int64_t gates, int64_t products, forward_units *units)
{
    const int64_t n = b->hidden, low = b->sizes[0] * part / b->parts, high = b->sizes[0] * (part + 1) / b->parts;
    int64_t old = 0, new = b->sizes[0], at = 0;
    for (int64_t step = 1; step <= b->steps; step++) {
        const int64_t end = b->sizes[step] < high ? b->sizes[step] : high;
        const real *h = b->h + old * n, *c = b->c + old * n;
        if (b->begins) {
            for (int64_t row = low; row < end; row++) {
                const int begins = b->begins[at + row];
                memcpy(b->before_h + row * n, (begins ? b->first_h : h) + row * n, n * sizeof(real));
                if (b->c) memcpy(b->before_c + row * n, (begins ? b->first_c : c) + row * n, n * sizeof(real));
            }
            h = b->before_h, c = b->before_c;
        }
        product(end - low, n, products * n, h + low * n, n, b->w, b->a + (at + low) * gates * n, gates * n);
        for (int64_t row = low; row < end; row++)
            units(n, b->a + (at + row) * gates * n, h + row * n, c + row * n, b->h + (new + row) * n,
                  b->c + (new + row) * n);
        old = new, new += b->sizes[step], at += b->sizes[step];
    }
}

INLINE void backward(struct block *b, int64_t part, int64_t gates, int64_t products, backward_units *units)
{
    const int64_t n = b->hidden, low = b->sizes[1] * part / b->parts, high = b->sizes[1] * (part + 1) / b->parts;
    int64_t at = b->rows;
    for (int64_t step = b->steps; step >= 1; step--) {
        at -= b->sizes[step];
        const int64_t end = b->sizes[step] < high ? b->sizes[step] : high;
        for (int64_t row = low; row < end; row++) {
            const int64_t i = (at + row) * n;
            units(n, b->a + i * gates, b->before_h + i, b->before_c + i, b->after_h + i, b->after_c + i, b->dy + i,
                  b->dh + row * n, b->dc + row * n, b->d + i * gates);
        }
        product(end - low, products * n, n, b->d + (at + low) * gates * n, gates * n, b->w, b->dh + low * n, n);
        if (b->crossing) {
            cross((end - low) * n, b->crossing, b->dh + low * n);
            if (b->dc) cross((end - low) * n, b->crossing, b->dc + low * n);
        }
        for (int64_t row = low; b->begins && row < end; row++)
            for (int64_t i = row * n; b->begins[at + row] && i < (row + 1) * n; i++) {
                if (b->dfirst_h) b->dfirst_h[i] += b->dh[i];
                if (b->dfirst_c) b->dfirst_c[i] += b->dc[i];
                b->dh[i] = 0;
                if (b->dc) b->dc[i] = 0;
            }
    }
}

/* torch's own threads, if its OpenMP is there to be called; otherwise this one does all parts */
extern void GOMP_parallel(void (*)(void *), void *, unsigned, unsigned) __attribute__((weak));

static void in_parts(void (*take)(void *), struct block *b)
{
    b->next = 0;
    if (b->parts > 1 && GOMP_parallel)
        GOMP_parallel(take, b, (unsigned)b->parts, 0);
    else
        take(b);
}

/* of the block's d, whose last gates are those of drives and the first `products` those of W h */
static void add_biases(const struct block *b, int64_t gates, int64_t products)
{
    const int64_t n = b->hidden, width = gates * n, joined = (2 * products - gates) * n;
    for (int64_t row = 0; row < b->rows; row++) {
        IN d = b->d + row * width;
        for (int64_t i = 0; i < products * n; i++) b->by_bias_hh[i] += d[i];
        for (int64_t i = 0; i < joined; i++) b->by_bias_ih[i] += d[i];
        for (int64_t i = products * n; i < width; i++) b->by_bias_ih[i - products * n + joined] += d[i];
    }
}

#define TAKE_PARTS(name, way, gates, products)                                                                \
    static void name##_##way##_parts(void *given)                                                             \
    {                                                                                                         \
        struct block *b = given;                                                                              \
        for (int64_t part; (part = __atomic_fetch_add(&b->next, 1, __ATOMIC_RELAXED)) < b->parts;)            \
            way(b, part, gates, products, name##_##way);                                                      \
    }                                                                                                         \
    void run_##name##_##way(struct block *b)                                                                  \
    {                                                                                                         \
        in_parts(name##_##way##_parts, b);                                                                    \
        if (b->by_bias_ih) add_biases(b, gates, products);                                                    \
    }
#define CELL(name, gates, products)                                                                           \
    TAKE_PARTS(name, forward, gates, products)                                                                \
    TAKE_PARTS(name, backward, gates, products)

CELL(elman_tanh, 1, 1)
CELL(elman_relu, 1, 1)
CELL(elman_sigmoid, 1, 1)
CELL(gru, 4, 3)
CELL(lstm, 4, 4)
CELL(coupled, 3, 3)
