#include "bridge.h"

int mv_turn(VipsImage *in, int quarters, VipsImage **out)
{
	VipsAngle angles[] = { VIPS_ANGLE_D0, VIPS_ANGLE_D90, VIPS_ANGLE_D180, VIPS_ANGLE_D270 };
	VipsImage *turned = NULL;
	int failed = vips_rot(in, &turned, angles[quarters & 3], NULL) || !(*out = vips_image_copy_memory(turned));
	VIPS_UNREF(turned);
	return failed ? -1 : 0;
}
