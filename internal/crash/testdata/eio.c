/* Preloaded into the server: once the file $EIO_TRIGGER is there, fsync and
 * fdatasync of the database and its log fail with EIO, as of a dying disk. The
 * first failure makes $EIO_TRIGGER.fired. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(int fd)
{
	const char *trigger = getenv("EIO_TRIGGER");
	char link[64], path[4096], fired[4096];
	ssize_t n;

	if (!trigger || access(trigger, F_OK) != 0)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return 0;
	path[n] = 0;
	if (!strstr(path, "posthorn.db"))
		return 0;
	snprintf(fired, sizeof fired, "%s.fired", trigger);
	close(open(fired, O_WRONLY | O_CREAT | O_EXCL, 0600));
	return 1;
}

int fsync(int fd)
{
	if (fails(fd)) {
		errno = EIO;
		return -1;
	}
	return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd)
{
	if (fails(fd)) {
		errno = EIO;
		return -1;
	}
	return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
