#include "bridge.h"
#include "encode.h"
#include "jpegguard.h"

#include <string.h>

/* The longest EXIF segment (JPEG's length field has 16 bits, of which it counts two). */
#define MAX_SEGMENT 65533

static void write_exif(j_compress_ptr c, const MeHow *how)
{
	static const char name[6] = "Exif\0";
	if (!how->exif || how->exif_length + sizeof name > MAX_SEGMENT)
		return;
	jpeg_write_m_header(c, JPEG_APP0 + 1, how->exif_length + sizeof name);
	for (size_t i = 0; i < sizeof name; i++)
		jpeg_write_m_byte(c, name[i]);
	for (size_t i = 0; i < how->exif_length; i++)
		jpeg_write_m_byte(c, how->exif[i]);
}

static void write_planes(j_compress_ptr c, const MpPicture *in)
{
	JSAMPROW rows[3][MP_BLOCK];
	JSAMPARRAY planes[3] = { rows[0], rows[1], rows[2] };
	int block = c->max_v_samp_factor * DCTSIZE;
	for (int at = 0; at < (int) c->image_height; at += block) {
		for (int i = 0; i < in->planes; i++) {
			int n = c->comp_info[i].v_samp_factor * DCTSIZE, first = at / block * n;
			for (int y = 0; y < n; y++)
				rows[i][y] = in->plane[i].data + (size_t) (first + y) * in->plane[i].stride;
		}
		jpeg_write_raw_data(c, planes, block);
	}
}

static void write_rows(j_compress_ptr c, const MePixels *in)
{
	while (c->next_scanline < c->image_height) {
		JSAMPROW row = (JSAMPROW) in->rgb + (size_t) c->next_scanline * in->width * in->bands;
		jpeg_write_scanlines(c, &row, 1);
	}
}

int me_jpeg(const MePixels *in, const MeHow *how, void **out, size_t *length)
{
	struct jpeg_compress_struct c = { 0 };
	JpegGuard g = { 0 };
	unsigned char *volatile data = NULL;
	unsigned long size = 0;
	volatile int failed = -1, growing = 0;

	c.err = jpeg_guard(&g, how->cancel);
	if (setjmp(g.out) == 0) {
		jpeg_create_compress(&c);
		c.progress = &g.progress;
		jpeg_mem_dest(&c, (unsigned char **) &data, &size);
		growing = 1;
		c.image_width = in->width;
		c.image_height = in->height;
		c.input_components = in->planar ? in->planar->planes : in->bands;
		c.in_color_space = !in->planar ? JCS_RGB : in->planar->planes == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
		jpeg_set_defaults(&c);
		jpeg_set_quality(&c, how->quality, TRUE);
		c.raw_data_in = in->planar != NULL;
		if (how->effort > 0) {
			c.optimize_coding = TRUE;
			jpeg_simple_progression(&c);
		}
		jpeg_start_compress(&c, TRUE);
		write_exif(&c, how);
		if (in->planar)
			write_planes(&c, in->planar);
		else
			write_rows(&c, in);
		jpeg_finish_compress(&c);
		*out = g_memdup2(data, size);
		*length = size;
		failed = 0;
	}
	if (failed && growing)
		c.dest->term_destination(&c); /* only this tells where the data has grown to */
	jpeg_destroy_compress(&c);
	free(data);
	return failed;
}
