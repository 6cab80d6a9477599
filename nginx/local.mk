# The proxy configuration, ready to be included by an nginx that is there already.
nginxdir = $(pkgdatadir)/nginx
dist_nginx_DATA = \
	%D%/belfry-asset.conf %D%/belfry-early.conf %D%/belfry-errors.conf %D%/belfry-fastcgi.conf %D%/belfry-headers.conf \
	%D%/belfry-http.conf %D%/belfry-locations.conf %D%/belfry-mount.conf %D%/belfry-page.conf \
	%D%/belfry-problem.conf %D%/belfry-push.conf %D%/belfry-static.conf
