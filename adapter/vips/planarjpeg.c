/* JPEG as planes: libjpeg hands over what it has before it would make RGB of it. */
#include "bridge.h"
#include "jpegguard.h"
#include "planar.h"

#include <string.h>

/* libjpeg 7 and later shrink each side by itself. */
#if JPEG_LIB_VERSION >= 70
#define SAMPLES(c) ((c)->DCT_h_scaled_size)
#define LEAST_SAMPLES(d) ((d)->min_DCT_h_scaled_size)
#else
#define SAMPLES(c) ((c)->DCT_scaled_size)
#define LEAST_SAMPLES(d) ((d)->min_DCT_scaled_size)
#endif

static int is_planar(j_decompress_ptr d)
{
	return (d->jpeg_color_space == JCS_YCbCr && d->num_components == 3) ||
		(d->jpeg_color_space == JCS_GRAYSCALE && d->num_components == 1);
}

/* Planes with room for all the blocks of the file. */
static int make_room(j_decompress_ptr d, MpPicture *out)
{
	int block = d->max_v_samp_factor * LEAST_SAMPLES(d);
	int rows = ((int) d->output_height + block - 1) / block;
	out->planes = d->num_components;
	for (int i = 0; i < out->planes; i++) {
		jpeg_component_info *c = &d->comp_info[i];
		MpPlane *p = &out->plane[i];
		p->width = c->downsampled_width;
		p->height = c->downsampled_height;
		p->stride = c->width_in_blocks * SAMPLES(c);
		p->wide = (double) d->image_width * c->h_samp_factor * SAMPLES(c) / (d->max_h_samp_factor * DCTSIZE);
		p->high = (double) d->image_height * c->v_samp_factor * SAMPLES(c) / (d->max_v_samp_factor * DCTSIZE);
		if (!(p->data = malloc((size_t) p->stride * rows * c->v_samp_factor * SAMPLES(c))))
			return MP_FAILED;
	}
	return MP_OK;
}

static void read_planes(j_decompress_ptr d, MpPicture *out)
{
	JSAMPROW rows[3][MAX_SAMP_FACTOR * DCTSIZE];
	JSAMPARRAY planes[3] = { rows[0], rows[1], rows[2] };
	for (int block = 0; d->output_scanline < d->output_height; block++) {
		for (int i = 0; i < out->planes; i++) {
			int n = d->comp_info[i].v_samp_factor * SAMPLES(&d->comp_info[i]);
			for (int y = 0; y < n; y++)
				rows[i][y] = out->plane[i].data + ((size_t) block * n + y) * out->plane[i].stride;
		}
		jpeg_read_raw_data(d, planes, d->max_v_samp_factor * LEAST_SAMPLES(d));
		jpeg_guard_ask((j_common_ptr) d);
	}
}

/* One sample of a plane turned as EXIF 2.32 §4.6.4 A numbers the ways: the place in
 * the stored plane of what is at x, y upright. */
static const uint8_t *stored(const MpPlane *in, int orientation, int x, int y)
{
	int w = in->width - 1, h = in->height - 1, sx = x, sy = y;
	switch (orientation) {
	case 2: sx = w - x; break;
	case 3: sx = w - x, sy = h - y; break;
	case 4: sy = h - y; break;
	case 5: sx = y, sy = x; break;
	case 6: sx = y, sy = h - x; break;
	case 7: sx = w - y, sy = h - x; break;
	case 8: sx = w - y, sy = x; break;
	}
	return in->data + (size_t) sy * in->stride + sx;
}

/* Squares small enough to stay in the nearest cache. */
#define TILE 32

static int turn_plane(MpPlane *p, int orientation)
{
	int turned = orientation >= 5;
	MpPlane out = { .width = turned ? p->height : p->width, .height = turned ? p->width : p->height };
	out.stride = out.width;
	out.wide = turned ? p->high : p->wide;
	out.high = turned ? p->wide : p->high;
	/* What the decoder rounded up is at the stored right and lower edges. */
	if (orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7)
		out.left = out.width - out.wide;
	if (orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8)
		out.top = out.height - out.high;
	if (!(out.data = malloc((size_t) out.stride * out.height)))
		return MP_FAILED;
	for (int top = 0; top < out.height; top += TILE)
		for (int left = 0; left < out.width; left += TILE)
			for (int y = top; y < top + TILE && y < out.height; y++)
				for (int x = left; x < left + TILE && x < out.width; x++)
					out.data[(size_t) y * out.stride + x] = *stored(p, orientation, x, y);
	free(p->data);
	*p = out;
	return MP_OK;
}

int mp_decode(const void *buf, size_t len, int shrink, int orientation, int *cancel, MpPicture *out)
{
	struct jpeg_decompress_struct d = { 0 };
	JpegGuard g = { 0 };
	volatile int result = MP_FAILED;

	memset(out, 0, sizeof *out);
	d.err = jpeg_guard(&g, cancel);
	if (setjmp(g.out) == 0) {
		jpeg_create_decompress(&d);
		d.progress = &g.progress;
		jpeg_mem_src(&d, (unsigned char *) buf, len);
		jpeg_read_header(&d, TRUE);
		if (!is_planar(&d))
			result = MP_UNSUITED;
		else {
			d.raw_data_out = TRUE;
			d.scale_num = 1;
			d.scale_denom = shrink;
			d.do_fancy_upsampling = FALSE;
			d.out_color_space = d.jpeg_color_space;
			jpeg_start_decompress(&d);
			if (make_room(&d, out) == MP_OK) {
				read_planes(&d, out);
				jpeg_finish_decompress(&d);
				result = MP_OK;
			}
		}
	}
	jpeg_destroy_decompress(&d);
	for (int i = 0; result == MP_OK && orientation > 1 && i < out->planes; i++)
		result = turn_plane(&out->plane[i], orientation);
	if (result != MP_OK)
		mp_free(out);
	return result;
}
