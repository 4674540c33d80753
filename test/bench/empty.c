/*
 * empty PORT: nothing but a connect, as early as a program can.  It is linked
 * with the libraries of arc-relay-proxy: what starting up costs without us.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0);
}
