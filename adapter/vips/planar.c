#include "planar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Where a loop is worth it, the compiler makes it twice: for any processor and for
 * those with 256-bit vectors. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

#define ROUND_UP(n, to) (((n) + (to) - 1) / (to) * (to))

void mp_free(MpPicture *p)
{
	for (int i = 0; i < p->planes; i++)
		free(p->plane[i].data);
	memset(p, 0, sizeof *p);
}

/* A plane with room for whole blocks. */
static int new_plane(MpPlane *p, int width, int height)
{
	p->width = width;
	p->height = height;
	p->stride = ROUND_UP(width, 2 * MP_BLOCK);
	p->left = p->top = 0;
	p->wide = width;
	p->high = height;
	p->data = malloc((size_t) p->stride * ROUND_UP(height, MP_BLOCK));
	return p->data ? MP_OK : MP_FAILED;
}

static void pad_plane(MpPlane *p)
{
	int rows = ROUND_UP(p->height, MP_BLOCK);
	for (int y = 0; y < p->height; y++)
		memset(p->data + (size_t) y * p->stride + p->width, p->data[(size_t) y * p->stride + p->width - 1], p->stride - p->width);
	for (int y = p->height; y < rows; y++)
		memcpy(p->data + (size_t) y * p->stride, p->data + (size_t) (p->height - 1) * p->stride, p->stride);
}

static WIDE void halve_row(const uint8_t *restrict a, const uint8_t *restrict b, uint8_t *restrict out, int pairs)
{
	for (int x = 0; x < pairs; x++)
		out[x] = (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) >> 2;
}

static int halve_plane(const MpPlane *in, MpPlane *out)
{
	if (new_plane(out, (in->width + 1) / 2, (in->height + 1) / 2))
		return MP_FAILED;
	for (int y = 0; y < out->height; y++) {
		const uint8_t *a = in->data + (size_t) (2 * y) * in->stride;
		const uint8_t *b = 2 * y + 1 < in->height ? a + in->stride : a;
		uint8_t *row = out->data + (size_t) y * out->stride;
		halve_row(a, b, row, in->width / 2);
		if (in->width % 2)
			row[out->width - 1] = (a[in->width - 1] + b[in->width - 1] + 1) >> 1;
	}
	out->left = in->left / 2;
	out->top = in->top / 2;
	out->wide = in->wide / 2;
	out->high = in->high / 2;
	return MP_OK;
}

int mp_halve(const MpPicture *in, MpPicture *out)
{
	memset(out, 0, sizeof *out);
	out->planes = in->planes;
	for (int i = 0; i < in->planes; i++)
		if (halve_plane(&in->plane[i], &out->plane[i])) {
			mp_free(out);
			return MP_FAILED;
		}
	return MP_OK;
}

/* How one side is scaled: output i is the sum of taps samples from first[i] on, times
 * weights of which 16384 are 1. A row of weights is filled up with zeros to whole
 * STEPs, which is what a vector multiplies at once. */
typedef struct {
	int taps, stride, *first;
	int16_t *weights;
} Kernel;

#define ONE 16384
#define STEP 8

static void free_kernel(Kernel *k)
{
	free(k->first);
	free(k->weights);
}

static double sinc(double x)
{
	if (x == 0)
		return 1;
	x *= M_PI;
	return sin(x) / x;
}

/* Lanczos with three lobes, as libvips and vipsthumbnail scale. */
static double lanczos(double x) { return fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0; }

/* The weights of one output, whose middle is at centre: rounded so that they sum up
 * to ONE, or an even surface would change its colour. */
static void weigh(double centre, double scale, int first, int taps, int16_t *weights)
{
	double sum = 0, w[taps];
	for (int k = 0; k < taps; k++)
		sum += w[k] = lanczos((first + k + 0.5 - centre) / scale);
	int left = ONE, greatest = 0;
	for (int k = 0; k < taps; k++) {
		weights[k] = (int16_t) lrint(w[k] / sum * ONE);
		left -= weights[k];
		if (weights[k] > weights[greatest])
			greatest = k;
	}
	weights[greatest] += left;
}

/* The longest kernel: a shrink by 128 in one step, far above what is asked (the
 * caller halves first). */
#define MAX_TAPS 768

/* out samples, of which each covers step of the scaled picture, from sample start
 * of it on; in samples of source, of which the picture is wide from left on. */
static int make_kernel(Kernel *k, int in, double left, double wide, int cover, double start, double step, int out)
{
	double unit = wide / cover; /* samples of the source for one of the scaled picture */
	double scale = fmax(1, unit * step);
	k->taps = (int) ceil(6 * scale) + 1;
	if (k->taps > in)
		k->taps = in;
	if (k->taps > MAX_TAPS)
		k->taps = MAX_TAPS;
	k->first = malloc(sizeof(int) * out);
	k->stride = ROUND_UP(k->taps, STEP);
	k->weights = calloc((size_t) out * k->stride, sizeof(int16_t));
	if (!k->first || !k->weights)
		return MP_FAILED;
	for (int i = 0; i < out; i++) {
		double centre = left + ((i + 0.5) * step + start) * unit;
		int first = (int) lrint(centre - k->taps / 2.0);
		k->first[i] = first < 0 ? 0 : first > in - k->taps ? in - k->taps : first;
		weigh(centre, scale, k->first[i], k->taps, k->weights + (size_t) i * k->stride);
	}
	return MP_OK;
}

static WIDE void add_rows(int32_t *restrict sum, const uint8_t *restrict a, const uint8_t *restrict b, int16_t wa, int16_t wb, int n)
{
	for (int x = 0; x < n; x++)
		sum[x] += (int16_t) a[x] * wa + (int16_t) b[x] * wb;
}

/* The sums keep six bits of a fraction, so that rounding happens once. */
#define FRACTION 6

static WIDE void settle(const int32_t *restrict sum, int16_t *restrict row, int n)
{
	for (int x = 0; x < n; x++)
		row[x] = (int16_t) ((sum[x] + (1 << (13 - FRACTION))) >> (14 - FRACTION));
}

static void scale_down_columns(const MpPlane *in, const Kernel *k, int y, int from, int n, int32_t *sum, int16_t *row)
{
	const int16_t *w = k->weights + (size_t) y * k->stride;
	const uint8_t *line = in->data + (size_t) k->first[y] * in->stride + from;
	int t = 0;
	memset(sum, 0, sizeof(int32_t) * n);
	for (; t + 1 < k->taps; t += 2, line += 2 * in->stride)
		add_rows(sum, line, line + in->stride, w[t], w[t + 1], n);
	if (t < k->taps)
		add_rows(sum, line, line, w[t], 0, n);
	settle(sum, row, n);
}

/* The sum of products of n numbers, a multiple of STEP. */
#ifdef __SSE2__
static inline int32_t dot(const int16_t *a, const int16_t *b, int n)
{
	__m128i sum = _mm_setzero_si128();
	for (int i = 0; i < n; i += STEP)
		sum = _mm_add_epi32(sum, _mm_madd_epi16(_mm_loadu_si128((const __m128i *) (a + i)), _mm_loadu_si128((const __m128i *) (b + i))));
	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(1, 0, 3, 2)));
	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(2, 3, 0, 1)));
	return _mm_cvtsi128_si32(sum);
}
#else
static inline int32_t dot(const int16_t *a, const int16_t *b, int n)
{
	int32_t sum = 0;
	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}
#endif

static void scale_row(const int16_t *row, const Kernel *k, uint8_t *out, int n)
{
	for (int i = 0; i < n; i++) {
		int32_t sum = dot(row + k->first[i], k->weights + (size_t) i * k->stride, k->stride);
		sum = (sum + (1 << (13 + FRACTION))) >> (14 + FRACTION);
		out[i] = sum < 0 ? 0 : sum > 255 ? 255 : sum;
	}
}

static int scale_plane(const MpPlane *in, const MpCut *cut, int step, MpPlane *out)
{
	Kernel across = { 0 }, down = { 0 };
	int32_t *sum = NULL;
	int16_t *row = NULL;
	int failed = new_plane(out, (cut->width + step - 1) / step, (cut->height + step - 1) / step) ||
		make_kernel(&across, in->width, in->left, in->wide, cut->cover_width, cut->x, step, out->width) ||
		make_kernel(&down, in->height, in->top, in->high, cut->cover_height, cut->y, step, out->height);
	if (!failed) {
		/* Only the columns that some output reads. */
		int from = across.first[0], n = across.first[out->width - 1] + across.taps - from;
		for (int i = 0; i < out->width; i++)
			across.first[i] -= from;
		sum = malloc(sizeof(int32_t) * n);
		row = calloc(n + STEP, sizeof(int16_t)); /* the zeros at the end meet what is beyond */
		failed = !sum || !row;
		for (int y = 0; !failed && y < out->height; y++) {
			scale_down_columns(in, &down, y, from, n, sum, row);
			scale_row(row, &across, out->data + (size_t) y * out->stride, out->width);
		}
	}
	free(sum);
	free(row);
	free_kernel(&across);
	free_kernel(&down);
	if (!failed)
		pad_plane(out);
	return failed ? MP_FAILED : MP_OK;
}

/* A plane that has the output's size already is only copied. */
static int is_copy(const MpPlane *in, const MpCut *c, int step)
{
	return step == 1 && in->left == 0 && in->top == 0 && in->wide == c->cover_width && in->high == c->cover_height;
}

static int copy_plane(const MpPlane *in, const MpCut *c, MpPlane *out)
{
	if (new_plane(out, c->width, c->height))
		return MP_FAILED;
	for (int y = 0; y < c->height; y++)
		memcpy(out->data + (size_t) y * out->stride, in->data + (size_t) (y + c->y) * in->stride + c->x, c->width);
	pad_plane(out);
	return MP_OK;
}

int mp_cut(const MpPicture *in, const MpCut *cut, MpPicture *out)
{
	memset(out, 0, sizeof *out);
	out->planes = in->planes;
	for (int i = 0; i < in->planes; i++) {
		int step = i ? 2 : 1;
		int failed = is_copy(&in->plane[i], cut, step)
			? copy_plane(&in->plane[i], cut, &out->plane[i])
			: scale_plane(&in->plane[i], cut, step, &out->plane[i]);
		if (failed) {
			mp_free(out);
			return MP_FAILED;
		}
	}
	return MP_OK;
}

static uint8_t byte(int v) { return v < 0 ? 0 : v > 255 ? 255 : v; }

/* JFIF 1.02 §7, in 16ths of a bit: 1.402, 0.344136, 0.714136, 1.772. */
void mp_rgb(const MpPicture *in, uint8_t *rgb)
{
	const MpPlane *luma = &in->plane[0];
	for (int y = 0; y < luma->height; y++)
		for (int x = 0; x < luma->width; x++, rgb += 3) {
			int v = luma->data[(size_t) y * luma->stride + x] << 16, cb = 0, cr = 0;
			if (in->planes == 3) {
				cb = in->plane[1].data[(size_t) (y / 2) * in->plane[1].stride + x / 2] - 128;
				cr = in->plane[2].data[(size_t) (y / 2) * in->plane[2].stride + x / 2] - 128;
			}
			v += 1 << 15;
			rgb[0] = byte((v + 91881 * cr) >> 16);
			rgb[1] = byte((v - 22554 * cb - 46802 * cr) >> 16);
			rgb[2] = byte((v + 116130 * cb) >> 16);
		}
}
